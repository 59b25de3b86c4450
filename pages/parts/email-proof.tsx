// Lets signed-in users prove who they are with a code by email.

import { t } from "../languages";
import { useEffect, useRef, useState } from "preact/hooks";
import { useAction } from "../design/action";
import { CodeField, Form, Message } from "../design/form";

interface EmailProofProps {
  label: string;
  email: string;
  /** Whether to send the email at once, because the user has just chosen to get one. */
  asksAtOnce: boolean;
  ask: () => Promise<{ token: string }>;
  submit: (proof: Record<string, string>) => Promise<void>;
}

export function EmailProof({ label, email, asksAtOnce, ask, submit }: EmailProofProps) {
  const [token, setToken] = useState<string>();
  const [isSent, setSent] = useState(false);
  const { busy, outcome, run } = useAction();
  const container = useRef<HTMLDivElement>(null);
  const send = () =>
    run(async () => {
      setToken((await ask()).token);
      setSent(true);
    });
  useEffect(() => {
    if (asksAtOnce) send();
  }, []);
  useEffect(() => {
    if (token) container.current?.querySelector("input")?.focus();
  }, [token]);
  return (
    <div ref={container}>
      <p role="status">{isSent && t("proof.email_code.sent", { email })}</p>
      {token && (
        <Form key={token} label={label} submit={({ email_code = "" }) => submit({ token, email_code })}>
          <CodeField name="email_code" />
        </Form>
      )}
      <button type="button" class={token ? "small" : "primary"} aria-busy={busy} aria-disabled={busy} onClick={send}>
        {t(token ? "proof.email_code.again" : "proof.email_code")}
      </button>
      <Message outcome={outcome} />
    </div>
  );
}
