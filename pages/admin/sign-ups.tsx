// The queue of sign-ups that wait for the approval of an admin.

import { useState } from "preact/hooks";
import type { Outcome } from "../parts/action";
import { ApiError, callSignedIn } from "../parts/api";
import { ConfirmedButton } from "../parts/button";
import type { Config } from "../parts/config";
import { type Listing, Paging } from "../parts/listing";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";
import { Moment } from "../parts/time";

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
    let result: Outcome = {
      kind: "success",
      text: `${email} has been ${decision === "approve" ? "approved" : "rejected"}, and gets an email about it.`,
      problems: [],
    };
    try {
      await callSignedIn("POST", `admin/sign-ups/${encodeURIComponent(id)}/${decision}`);
    } catch (error) {
      if (!(error instanceof ApiError && ["not_found", "email_taken"].includes(error.code))) throw error;
      const text = error.code === "not_found" ? `Another admin has already decided about ${email}.` : error.message;
      result = { kind: "error", text, problems: [] };
    }
    // The row goes away with its open dialog. After that, the section moves the focus to its heading.
    await reload();
    setOutcome(result);
  }

  return (
    <Section title="Sign-ups" loading={!value} error={error} outcome={outcome}>
      {config.sign_up !== "approval" && <p class="soft">New sign-ups need no approval with the current settings.</p>}
      {value?.total === 0 && <p class="soft">No sign-ups are waiting.</p>}
      {value && value.total > 0 && (
        <>
          <ul class="rows">
            {value.items.map((signUp) => (
              <li key={signUp.id}>
                <div>
                  <strong>{signUp.email}</strong>
                  <small>
                    {signUp.name && `${signUp.name}, `}signed up <Moment at={signUp.requested_at} />
                  </small>
                  {signUp.note && <p class="note">{signUp.note}</p>}
                </div>
                <ConfirmedButton
                  label="Approve"
                  about={signUp.email}
                  question={`Approve ${signUp.email}?`}
                  harmless
                  work={() => decide(signUp, "approve")}
                >
                  <p>This creates the account. The user gets an email and can sign in.</p>
                </ConfirmedButton>
                <ConfirmedButton
                  label="Reject"
                  about={signUp.email}
                  question={`Reject ${signUp.email}?`}
                  work={() => decide(signUp, "reject")}
                >
                  <p>This deletes the request. The user gets an email and can sign up again.</p>
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
