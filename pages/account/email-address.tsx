// Changes the email address, with a code from the new address and, where the service asks for it, one from the old address.

import { useState } from "preact/hooks";
import { type Outcome, useAction } from "../parts/action";
import { ApiError, callSignedIn, type User } from "../parts/api";
import { ActionButton } from "../parts/button";
import { CodeField, EmailField, Form } from "../parts/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";

/** A change that waits for its codes. */
interface Pending {
  email: string;
  confirm: ("new" | "old")[];
  expires_at: number;
}

interface Asked extends Pick<Pending, "confirm"> {
  token: string;
}

const load = () => callSignedIn<{ pending: Pending | null }>("GET", "me/email");

export function EmailAddress({ user, changed }: { user: User; changed: () => Promise<void> }) {
  const { value, error, reload } = useLoaded(load);
  const [done, setDone] = useState<Outcome>();
  const cancel = useAction();
  const pending = value?.pending;
  const token = pending ? recall(pending.email) : undefined;
  const asksOld = pending?.confirm.includes("old");

  async function ask({ email = "" }: Record<string, string>) {
    setDone(undefined);
    const { token } = await callSignedIn<Asked>("POST", "me/email", { json: { email } });
    const { pending } = await load();
    if (pending) keep(pending.email, token);
    await reload();
  }

  async function verify({ code = "", old_code }: Record<string, string>) {
    try {
      await callSignedIn("POST", "me/email/verify", { json: { token, code, old_code } });
    } catch (error) {
      if (!(error instanceof ApiError && ["otp_token_refused", "email_taken"].includes(error.code))) throw error;
      setDone({ kind: "error", text: error.message, problems: [] });
      keep("", undefined);
      await reload();
      return;
    }
    keep("", undefined);
    setDone({ kind: "success", text: "Email address changed. All your other sessions have ended.", problems: [] });
    await reload();
    await changed();
  }

  const stop = () =>
    cancel.run(async () => {
      setDone(undefined);
      await callSignedIn("DELETE", "me/email");
      keep("", undefined);
      await reload();
      return "Change canceled.";
    });

  return (
    <Section title="Email address" loading={!value} error={error} outcome={done ?? cancel.outcome}>
      {value && !pending && (
        <Form label="Change email address" submit={ask}>
          <EmailField label="New email address" autoComplete="email" />
        </Form>
      )}
      {pending && (
        <>
          <p>
            {token ? (
              <>
                We sent a code to <strong>{pending.email}</strong>
                {asksOld && (
                  <>
                    {" "}
                    and another one to <strong>{user.email}</strong>
                  </>
                )}
                . Enter {asksOld ? "both" : "it"} within 10 minutes.
              </>
            ) : (
              <>
                A change to <strong>{pending.email}</strong> waits for its code. Enter the code in the window in which
                you asked for it, or cancel the change and start again.
              </>
            )}
          </p>
          {token && (
            <Form label="Confirm" submit={verify}>
              <CodeField name="code" label={`Code sent to ${pending.email}`} key={token} autoFocus />
              {asksOld && (
                <CodeField
                  name="old_code"
                  label={`Code sent to ${user.email}`}
                  hint="If you can no longer read email there, ask an admin for help."
                />
              )}
            </Form>
          )}
          <ActionButton label="Cancel the change" busy={cancel.busy} act={stop} />
        </>
      )}
    </Section>
  );
}

/** Keeps the token in this history entry, which only this tab can read, because phones reload a page after a visit to the mail app. */
function keep(email: string, token: string | undefined): void {
  history.replaceState(token ? { emailChange: { email, token } } : null, "", location.href);
}

/** Returns the token of the change to this address, if this tab has asked for it. */
function recall(email: string): string | undefined {
  const kept: { email: string; token: string } | undefined = history.state?.emailChange;
  return kept?.email === email ? kept.token : undefined;
}
