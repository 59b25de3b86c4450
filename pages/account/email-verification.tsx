// Verifies the user's email address with a code sent to it.

import { useState } from "preact/hooks";
import { useAction } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton } from "../parts/button";
import { Field, Form } from "../parts/form";
import { Section } from "../parts/section";

export function EmailVerification({ user, verified }: { user: User; verified: () => Promise<void> }) {
  const [token, setToken] = useState<string>();
  const { busy, outcome, run } = useAction();
  const send = () =>
    run(async () => {
      const sent = await callSignedIn<{ token: string }>("POST", "me/send-otp");
      setToken(sent.token);
      return `A code is on its way to ${user.email}.`;
    });
  return (
    <Section title="Verify your email" outcome={outcome}>
      {token && (
        <Form
          label="Verify"
          submit={async ({ otp = "" }) => {
            await callSignedIn("POST", "verify-otp", { form: { otp, token } });
            await verified();
          }}
        >
          <Field
            key={token}
            name="otp"
            label="Code"
            hint="The 6-digit code from the email."
            inputMode="numeric"
            autoComplete="one-time-code"
            autoFocus
            required
          />
        </Form>
      )}
      <ActionButton label={token ? "Email me a new code" : "Email me a code"} busy={busy} act={send} />
    </Section>
  );
}
