// Changes the email address, with a code from the new address and, where the service asks for it, one from the old address.

import { rich, t } from "../languages";
import { useState } from "preact/hooks";
import { type Outcome, useAction } from "../design/action";
import { toast } from "../design/toast";
import { ApiError, callSignedIn, type User } from "../parts/api";
import { ActionButton } from "../design/button";
import { CodeField, EmailField, Form } from "../design/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../design/section";

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
      if (error instanceof ApiError && error.code === "wrong_otp" && !asksOld)
        throw new ApiError(error.code, t("change_email.wrong"));
      if (!(error instanceof ApiError && ["otp_token_refused", "email_taken"].includes(error.code))) throw error;
      setDone({ kind: "error", text: error.message, problems: [] });
      keep("", undefined);
      await reload();
      return;
    }
    keep("", undefined);
    toast(t("change_email.done"));
    await reload();
    await changed();
  }

  const stop = () =>
    cancel.run(async () => {
      setDone(undefined);
      await callSignedIn("DELETE", "me/email");
      keep("", undefined);
      await reload();
      return t("change_email.canceled");
    });

  return (
    <Section title={t("change_email")} loading={!value} error={error} outcome={done ?? cancel.outcome}>
      {value && !pending && (
        <>
          <p>{rich("change_email.current", { email: <strong>{user.email}</strong> })}</p>
          <Form label={t("change_email.submit")} submit={ask}>
            <EmailField label={t("change_email.new")} autoComplete="email" />
          </Form>
        </>
      )}
      {pending && (
        <>
          <p>
            {rich(!token ? "change_email.waiting" : asksOld ? "change_email.sent_both" : "change_email.sent", {
              email: <strong>{pending.email}</strong>,
              old: <strong>{user.email}</strong>,
            })}
          </p>
          {token && (
            <Form label={t("confirm")} submit={verify}>
              <CodeField name="code" label={t("change_email.code", { email: pending.email })} key={token} autoFocus />
              {asksOld && (
                <CodeField
                  name="old_code"
                  label={t("change_email.code", { email: user.email })}
                  hint={t("change_email.old_hint")}
                />
              )}
            </Form>
          )}
          <ActionButton label={t("change_email.cancel")} busy={cancel.busy} act={stop} />
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
