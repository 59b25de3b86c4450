// Signs up with an invitation.

import { useEffect, useState } from "preact/hooks";
import { call, type ApiError } from "../parts/api";
import { useCaptcha } from "../parts/captcha";
import type { Config } from "../parts/config";
import { destinationOf } from "../parts/destination";
import { EmailField, Field, Form, NewPasswordField } from "../parts/form";
import { leaveFor } from "../parts/leave";
import { signIn } from "../parts/sign-in";

const invitation = new URLSearchParams(location.search);
const referrer = invitation.get("referrer") ?? "";

export function ByInvitation({ config }: { config: Config }) {
  const [error, setError] = useState<string>();
  const { widget, withCaptcha } = useCaptcha(config, "signup");
  useEffect(() => {
    if (!referrer) return;
    call<boolean>("POST", "verify-token", { json: { token: referrer } }).then(
      (isValid) => !isValid && setError("This invitation is invalid or has expired. Ask for a new one."),
      // Not fatal: the sign-up checks the invitation again.
      (error: ApiError) => setError(error.message),
    );
  }, []);
  return (
    <>
      {error && (
        <p class="message error" role="alert">
          {error}
        </p>
      )}
      {!referrer && <p>You need an invitation to sign up here. Ask a user to invite you.</p>}
      <Form
        label="Sign up"
        submit={async ({ name, ...fields }) => {
          const json = { referrer, ...fields, ...(name && { name }) };
          await withCaptcha((captcha) => signIn("signup", { ...json, ...captcha }, config));
          leaveFor(destinationOf(config));
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
        {widget}
      </Form>
    </>
  );
}
