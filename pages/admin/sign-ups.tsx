// The queue of sign-ups that wait for the approval of an admin.

import { Empty } from "../design/skeleton";
import { toast } from "../design/toast";
import { rich, t } from "../languages";
import { useState } from "preact/hooks";
import type { Outcome } from "../design/action";
import { ApiError, callSignedIn } from "../parts/api";
import { ConfirmedButton } from "../design/button";
import type { Config } from "../parts/config";
import { type Listing, Paging } from "../design/paging";
import { useLoaded } from "../parts/loaded";
import { Section } from "../design/section";
import { Moment } from "../design/time";

interface SignUp {
  id: string;
  email: string;
  name: string | null;
  /** What the applicant wrote to the admins. */
  note: string | null;
  requested_at: number;
}

export function SignUps({ parameters, config }: { parameters: URLSearchParams; config: Config }) {
  const { value, error, reload } = useLoaded(() =>
    callSignedIn<Listing<SignUp>>("GET", `admin/sign-ups?${parameters}`),
  );
  const [outcome, setOutcome] = useState<Outcome>();

  async function decide({ id, email }: SignUp, decision: "approve" | "reject"): Promise<void> {
    setOutcome(undefined);
    let result: Outcome | undefined;
    try {
      await callSignedIn("POST", `admin/sign-ups/${encodeURIComponent(id)}/${decision}`);
      toast(t(decision === "approve" ? "sign_ups.approved" : "sign_ups.rejected", { email }));
    } catch (error) {
      if (!(error instanceof ApiError && ["not_found", "email_taken"].includes(error.code))) throw error;
      const text = error.code === "not_found" ? t("sign_ups.decided", { email }) : error.message;
      result = { kind: "error", text, problems: [] };
    }
    // The row goes away with its open dialog. After that, the section moves the focus to its heading.
    await reload();
    setOutcome(result);
  }

  return (
    <Section title={t("sign_ups")} isView loading={!value} error={error} outcome={outcome}>
      {config.sign_up !== "approval" && <p class="soft">{t("sign_ups.not_needed")}</p>}
      {value?.total === 0 && <Empty>{t("sign_ups.none")}</Empty>}
      {value && value.total > 0 && (
        <>
          <ul class="rows">
            {value.items.map((signUp) => (
              <li key={signUp.id}>
                <div>
                  <strong>{signUp.email}</strong>
                  <small>
                    {signUp.name && `${signUp.name} · `}
                    {rich("sign_ups.at", { when: <Moment at={signUp.requested_at} /> })}
                  </small>
                  {signUp.note && <p class="note">{signUp.note}</p>}
                </div>
                <ConfirmedButton
                  label={t("sign_ups.approve")}
                  about={signUp.email}
                  question={t("sign_ups.approve.question", { email: signUp.email })}
                  harmless
                  work={() => decide(signUp, "approve")}
                >
                  <p>{t("sign_ups.approve.about")}</p>
                </ConfirmedButton>
                <ConfirmedButton
                  label={t("sign_ups.reject")}
                  about={signUp.email}
                  question={t("sign_ups.reject.question", { email: signUp.email })}
                  work={() => decide(signUp, "reject")}
                >
                  <p>{t("sign_ups.reject.about")}</p>
                </ConfirmedButton>
              </li>
            ))}
          </ul>
          <Paging listing={value} href={(offset) => `#sign-ups?offset=${offset}`} />
        </>
      )}
    </Section>
  );
}
