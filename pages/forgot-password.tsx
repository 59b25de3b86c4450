// Requests an email with a link to set a new password.

import { call } from "./parts/api";
import { EmailField, Form } from "./parts/form";
import { Page, start } from "./parts/page";

start(({ config }) => (
  <Page config={config} title="Forgot your password?">
    <p>Enter your email, and we will send you a link to set a new password.</p>
    <Form
      label="Email me a link"
      submit={async ({ email }) => {
        await call("POST", "send-password-reset-link", { json: { email } });
        return `If ${email} belongs to an active account, a link is on its way. If your account is deactivated, you get no link: ask an admin to activate it.`;
      }}
    >
      <EmailField autoFocus />
    </Form>
    <p>
      <a href="/signin">Sign in</a>
    </p>
  </Page>
));
