// Signs in with email and password.

import { EmailField, Field, Form } from "./parts/form";
import { Page, start } from "./parts/page";
import { signIn } from "./parts/sign-in";

/** Returns where to go after signing in. Only our own admin page is allowed, so that a link cannot redirect elsewhere. */
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
      {/* Not of type email: the default account is called `admin`. */}
      <EmailField type="text" inputMode="email" autoFocus />
      <Field name="password" label="Password" type="password" autoComplete="current-password" required />
    </Form>
    <p>
      <a href="/forgot-password">Forgot your password?</a>
    </p>
  </Page>
));
