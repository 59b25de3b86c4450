// Sign in with an email and a password.

import { EmailField, Field, Form } from "./parts/form";
import { Page, start } from "./parts/page";
import { signIn } from "./parts/sign-in";

/** Where to go afterwards: to a page behind the sign-in that led here, and to no address that a link brings along. */
function destination(): string {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  return /^\/admin(#|$)/.test(next) ? next : "/account";
}

start(({ config }) => (
  <Page config={config} title="Sign in">
    <Form
      label="Sign in"
      submit={async ({ email, password }) => {
        await signIn("login", { email, password }, config);
        location.replace(destination());
      }}
    >
      {/* Not of type email: the first account of all may be called `admin`. */}
      <EmailField type="text" inputMode="email" autoFocus />
      <Field name="password" label="Password" type="password" autoComplete="current-password" required />
    </Form>
    <p>
      <a href="/forgot-password">Forgot your password?</a>
    </p>
  </Page>
));
