// Lets signed-in users prove who they are with a code by email.

import { useEffect, useRef, useState } from "preact/hooks";
import { useAction } from "./action";
import { CodeField, Form, Message } from "./form";

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
  const { busy, outcome, run } = useAction();
  const container = useRef<HTMLDivElement>(null);
  const send = () =>
    run(async () => {
      setToken((await ask()).token);
      return `A code is on its way to ${email}.`;
    });
  useEffect(() => {
    if (asksAtOnce) send();
  }, []);
  useEffect(() => {
    if (token) container.current?.querySelector("input")?.focus();
  }, [token]);
  return (
    <div ref={container}>
      {token && (
        <Form key={token} label={label} submit={({ email_code = "" }) => submit({ token, email_code })}>
          <CodeField name="email_code" />
        </Form>
      )}
      <button type="button" class={token ? "quiet" : undefined} aria-busy={busy} aria-disabled={busy} onClick={send}>
        {token ? "Email me a new code" : "Email me a code"}
      </button>
      <Message outcome={outcome} />
    </div>
  );
}
