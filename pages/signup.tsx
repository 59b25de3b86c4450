// Signs up, with an invitation (`/signup?referrer=<user token>&email=<email>`) or, if the settings allow it, without one.

import { useState } from "preact/hooks";
import { ApiError } from "./parts/api";
import type { AskedCode } from "./parts/asked-codes";
import { isOpen } from "./parts/config";
import { destinationOf, withDestination } from "./parts/destination";
import { type Answer, askedFor, type EmailStep, EmailSteps, finish, readStep, titles } from "./parts/email-code";
import { leaveFor } from "./parts/leave";
import { Page, start } from "./parts/page";
import { ProviderButtons } from "./parts/provider-buttons";
import { signIn } from "./parts/sign-in";
import { ByInvitation } from "./signup/by-invitation";
import { type Applicant, OpenSignUp } from "./signup/open-sign-up";

const hasInvitation = new URLSearchParams(location.search).has("referrer");

/** Returns the invitation of the link, or what the user has typed. */
function invitation(): string {
  const field = document.querySelector<HTMLInputElement>("input[name=referrer]");
  const typed = new URLSearchParams(location.search).get("referrer") || field?.value.trim();
  if (typed) return typed;
  field?.focus();
  throw new ApiError("invitation_required", "Enter your invitation first.");
}

type Step = { kind: "form" } | EmailStep;

const beginning: Step = readStep() ?? { kind: "form" };

start(({ config }) => {
  const [step, setStep] = useState<Step>(beginning);
  const [applicant, setApplicant] = useState<Applicant>({});

  async function verify(asked: AskedCode, answer: Answer): Promise<void> {
    const { token, email, search } = asked;
    const result = await signIn("signup/verify", { token, ...answer }, config);
    finish(asked);
    if (result === "signed_in") leaveFor(destinationOf(config, search));
    else setStep({ kind: "waiting", email });
  }

  const title = (step.kind !== "form" && titles[step.kind]) || "Sign up";
  return (
    <Page config={config} title={title}>
      {step.kind !== "form" ? (
        <EmailSteps
          step={step}
          label="Sign up"
          sent={(email) => `An email is on its way to ${email}.`}
          question="You are signing up as"
          verify={verify}
          startAgain={(email) => {
            setApplicant({ email, ...applicant });
            setStep({ kind: "form" });
          }}
          destination={({ search }) => destinationOf(config, search)}
        />
      ) : config.sign_up === "closed" ? (
        <p>Nobody can sign up here. Ask an admin for an account.</p>
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
          <p class="or">or</p>
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
          Already have an account? <a href={withDestination("/signin")}>Sign in</a>
        </p>
      )}
    </Page>
  );
});
