// Signs up with an invitation: `/signup?referrer=<user token>&email=<email>`.

import { useEffect, useState } from "preact/hooks";
import { call, type ApiError } from "./parts/api";
import { EmailField, Field, Form, NewPasswordField } from "./parts/form";
import { Page, start } from "./parts/page";
import { signIn } from "./parts/sign-in";

const invitation = new URLSearchParams(location.search);
const referrer = invitation.get("referrer") ?? "";

start(({ config }) => {
  const [error, setError] = useState<string>();
  useEffect(() => {
    if (!referrer) return;
    call<boolean>("POST", "verify-token", { json: { token: referrer } }).then(
      (isValid) => !isValid && setError("This invitation is invalid or has expired. Ask for a new one."),
      // Not fatal: the sign-up checks the invitation again.
      (error: ApiError) => setError(error.message),
    );
  }, []);
  return (
    <Page config={config} title="Sign up">
      {error && (
        <p class="message error" role="alert">
          {error}
        </p>
      )}
      <Form
        label="Sign up"
        submit={async ({ name, ...fields }) => {
          const json = { referrer, ...fields, ...(name && { name }) };
          await signIn("signup", json, config);
          location.replace("/account");
        }}
      >
        {!referrer && (
          <Field
            name="referrer"
            label="Invitation"
            hint="Your invitation link, or the 10-character code in it."
            required
          />
        )}
        <EmailField defaultValue={invitation.get("email") ?? ""} />
        <Field name="name" label="Name (optional)" autoComplete="name" />
        <NewPasswordField minLength={config.password_min_length} />
      </Form>
      <p>
        Already have an account? <a href="/signin">Sign in</a>
      </p>
    </Page>
  );
});
