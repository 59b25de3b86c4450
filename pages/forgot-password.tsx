// Requests an email with a link to set a new password.

import { call } from "./parts/api";
import { useCaptcha } from "./parts/captcha";
import { EmailField, Form } from "./parts/form";
import { Page, start } from "./parts/page";

start(({ config }) => {
  const { widget, withCaptcha } = useCaptcha(config, "password_reset");
  return (
    <Page config={config} title="Forgot your password?">
      <p>Enter your email, and we will send you a link to set a new password.</p>
      <Form
        label="Email me a link"
        submit={async ({ email }) => {
          await withCaptcha((captcha) => call("POST", "send-password-reset-link", { json: { email, ...captcha } }));
          return `If ${email} belongs to an active account, a link is on its way. If your account is deactivated, you get no link: ask an admin to activate it.`;
        }}
      >
        <EmailField autoFocus />
        {widget}
      </Form>
      <p>
        <a href="/signin">Sign in</a>
      </p>
    </Page>
  );
});
