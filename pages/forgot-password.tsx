// Asks for a mail with a link to set a new password.

import { call } from "./parts/api";
import { EmailField, Form } from "./parts/form";
import { Page, start } from "./parts/page";

start(({ config }) => (
  <Page config={config} title="Forgot your password?">
    <p>We will mail you a link to set a new one.</p>
    <Form
      label="Mail me a link"
      submit={async ({ email }) => {
        await call("POST", "send-password-reset-link", { json: { email } });
        return `If there is an active account with the email ${email}, a link is on its way to it. A deactivated account gets no link: ask an admin to activate it.`;
      }}
    >
      <EmailField autoFocus />
    </Form>
    <p>
      <a href="/signin">Sign in</a>
    </p>
  </Page>
));
