// Verifies the user's email address with a code sent to it.

import { useState } from "preact/hooks";
import { useAction } from "../design/action";
import { Button } from "../design/button";
import { CodeField, Form } from "../design/form";
import { Section } from "../design/section";
import { toast } from "../design/toast";
import { t } from "../languages";
import { callSignedIn, type User } from "../parts/api";

export function EmailVerification({ user, verified }: { user: User; verified: () => Promise<void> }) {
  const [token, setToken] = useState<string>();
  const { busy, outcome, run } = useAction();
  const send = () =>
    run(async () => {
      const sent = await callSignedIn<{ token: string }>("POST", "me/send-otp");
      setToken(sent.token);
    });
  return (
    <Section title={t("verify_email")} outcome={outcome}>
      <p role="status">{t(token ? "proof.email_code.sent" : "verify_email.about", { email: user.email })}</p>
      {token && (
        <Form
          label={t("verify_email.submit")}
          submit={async ({ otp = "" }) => {
            await callSignedIn("POST", "verify-otp", { form: { otp, token } });
            await verified();
            toast(t("verify_email.done"));
          }}
        >
          <CodeField key={token} name="otp" ref={(field) => field?.focus()} />
        </Form>
      )}
      <div class="actions">
        <Button
          label={t(token ? "proof.email_code.again" : "proof.email_code")}
          small={token !== undefined}
          busy={busy}
          act={send}
        />
      </div>
    </Section>
  );
}
