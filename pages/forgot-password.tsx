// Have a link mailed with which to set another password.

import { call } from "./parts/api";
import { EmailField, Form } from "./parts/form";
import { Page, start } from "./parts/page";

start(({ config }) => (
  <Page config={config} title="Forgot your password?">
    <p>We mail you a link with which to set another one.</p>
    <Form
      label="Mail me a link"
      submit={async ({ email }) => {
        await call("POST", "send-password-reset-link", { json: { email } });
        return `If there is an account with the email ${email}, a link is on its way to it.`;
      }}
    >
      <EmailField autoFocus />
    </Form>
    <p>
      <a href="/signin">Sign in</a>
    </p>
  </Page>
));
