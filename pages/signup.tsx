// Signs up, with an invitation (`/signup?referrer=<user token>&email=<email>`) or, if the settings allow it, without one.

import { rich, t } from "./languages";
import { useState } from "preact/hooks";
import { ApiError } from "./parts/api";
import type { AskedCode } from "./parts/asked-codes";
import { isOpen } from "./parts/config";
import { destinationOf, withDestination } from "./parts/destination";
import { type Answer, askedFor, type EmailStep, EmailSteps, finish, readStep, titleOfStep } from "./parts/email-code";
import { leaveFor } from "./parts/leave";
import { Page, start } from "./design/page";
import { ProviderButtons } from "./parts/provider-buttons";
import { signIn } from "./parts/sign-in";
import { ByInvitation } from "./signup/by-invitation";
import { type Applicant, OpenSignUp } from "./signup/open-sign-up";

const hasInvitation = new URLSearchParams(location.search).has("referrer");

/** Returns the invitation of the link, or what the user has typed. */
function invitation(): string {
  const field = document.querySelector<HTMLInputElement>("input[name=referrer]");
  // The field is there only if the link has no invitation or a dead one.
  const chosen = field ? field.value.trim() : new URLSearchParams(location.search).get("referrer");
  if (chosen) return chosen;
  field?.focus();
  throw new ApiError("invitation_required", t("sign_up.enter_first"));
}

type Step = { kind: "form" } | EmailStep;

const beginning: Step = readStep() ?? { kind: "form" };

start(["sign-in"], ({ config }) => {
  const [step, setStep] = useState<Step>(beginning);
  const [applicant, setApplicant] = useState<Applicant>({});

  async function verify(asked: AskedCode, answer: Answer): Promise<void> {
    const { token, email, search } = asked;
    const result = await signIn("signup/verify", { token, ...answer }, config);
    finish(asked);
    if (result === "signed_in") leaveFor(destinationOf(config, search));
    else setStep({ kind: "waiting", email });
  }

  const title = (step.kind !== "form" && titleOfStep(step.kind)) || t("sign_up");
  return (
    <Page config={config} title={title}>
      {step.kind !== "form" ? (
        <EmailSteps
          step={step}
          label={t("sign_up")}
          sent={(email) => t("sign_up.sent", { email })}
          question={(email) => rich("sign_up.question", { email })}
          verify={verify}
          startAgain={(email) => {
            setApplicant({ email, ...applicant });
            setStep({ kind: "form" });
          }}
          destination={({ search }) => destinationOf(config, search)}
        />
      ) : config.sign_up === "closed" ? (
        <p>{t("sign_up.closed")}</p>
      ) : hasInvitation || !isOpen(config) ? (
        <ByInvitation config={config} />
      ) : (
        <OpenSignUp
          config={config}
          applicant={applicant}
          continueWith={(asked, applicant) => {
            setApplicant(applicant);
            setStep(askedFor(asked));
          }}
        />
      )}
      {step.kind === "form" && config.sign_up !== "closed" && config.identity_providers.length > 0 && (
        <>
          <p class="or">{t("or")}</p>
          <ProviderButtons
            providers={config.identity_providers}
            ask={() => ({
              referrer: hasInvitation || !isOpen(config) ? invitation() : undefined,
              return_to: destinationOf(config),
            })}
          />
        </>
      )}
      {step.kind === "form" && (
        <p>
          {t("sign_up.has_account")} <a href={withDestination("/signin")}>{t("sign_in")}</a>
        </p>
      )}
    </Page>
  );
});
