// Signs in with a password or a code by email, and a second factor if the account has one, with a passkey, or with an identity provider.
// `/signin?provider=<id>` shows this provider first.

import { Button } from "./design/button";
import { Person } from "./design/person";
import { rich, t } from "./languages";
import { useEffect, useState } from "preact/hooks";
import { ApiError, call, type User } from "./parts/api";
import type { AskedCode } from "./parts/asked-codes";
import { type Config, isOpen } from "./parts/config";
import { destinationOf, withDestination } from "./parts/destination";
import { type Answer, askedFor, type EmailStep, EmailSteps, finish, readStep, titleOfStep } from "./parts/email-code";
import { EmailField, Field, Form, Message } from "./design/form";
import { leaveFor } from "./parts/leave";
import { Page, start } from "./design/page";
import {
  askForPasskey,
  offerInAutofill,
  type PasskeyResponse,
  type RequestOptions,
  stopPasskey,
  supportsPasskeys,
} from "./parts/passkey";
import { forgetSession } from "./parts/known-session";
import { PasskeyButton } from "./parts/passkey-button";
import { ProviderButtons } from "./parts/provider-buttons";
import { type PendingSignIn, pendingAfter, SecondStep } from "./parts/second-step";
import { signIn, signInWithPasskey } from "./parts/sign-in";
import { AskForCode } from "./signin/ask-for-code";

type Step =
  | { kind: "first"; email?: string }
  | { kind: "asking"; email: string; asksAtOnce: boolean }
  | { kind: "second"; pending: PendingSignIn; email: string; destination: string }
  | EmailStep;

const beginning: Step = readStep() ?? { kind: "first" };

function titleOf({ kind }: Step): string {
  if (kind === "second") return t("sign_in.second");
  if (kind === "asking") return t("sign_in.by_email");
  return (kind !== "first" && titleOfStep(kind)) || t("sign_in");
}

start(["sign-in"], ({ config }) => {
  const [step, setStep] = useState<Step>(beginning);

  async function verify(asked: AskedCode, answer: Answer): Promise<void> {
    const { token, email, search } = asked;
    try {
      const result = await signIn("login/email/verify", { token, ...answer }, config);
      finish(asked);
      if (result === "signed_in") leaveFor(destinationOf(config, search));
      else setStep({ kind: "waiting", email });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "second_factor_required")) throw error;
      finish(asked);
      setStep({ kind: "second", pending: pendingAfter(error), email, destination: destinationOf(config, search) });
    }
  }

  return (
    <Page config={config} title={titleOf(step)}>
      {step.kind === "first" ? (
        <FirstStep
          config={config}
          email={step.email}
          continueWith={(pending, email) =>
            setStep({ kind: "second", pending, email, destination: destinationOf(config) })
          }
          useEmail={(email) => setStep({ kind: "asking", email, asksAtOnce: true })}
        />
      ) : step.kind === "asking" ? (
        <AskForCode
          config={config}
          email={step.email}
          asksAtOnce={step.asksAtOnce}
          continueWith={(asked) => setStep(askedFor(asked))}
          usePassword={(email) => setStep({ kind: "first", email })}
        />
      ) : step.kind === "second" ? (
        <SecondStep
          config={config}
          pending={step.pending}
          signedIn={() => leaveFor(step.destination)}
          startAgain={() => setStep({ kind: "first", email: step.email })}
        />
      ) : (
        <EmailSteps
          step={step}
          label={t("sign_in")}
          sent={(email) => t("sign_in.by_email.sent", { email })}
          question={(email) => rich("sign_in.by_email.question", { email })}
          verify={verify}
          startAgain={(email) => setStep({ kind: "asking", email, asksAtOnce: false })}
          destination={({ search }) => destinationOf(config, search)}
        />
      )}
    </Page>
  );
});

/** Returns what is in the field for the email. */
function typedEmail(): string {
  return document.querySelector<HTMLInputElement>("input[name=email]")?.value.trim() ?? "";
}

interface FirstStepProps {
  config: Config;
  email: string | undefined;
  continueWith: (pending: PendingSignIn, email: string) => void;
  /** Continues with a code by email, with what the user has typed as the email. */
  useEmail: (email: string) => void;
}

function FirstStep({ config, email, continueWith, useEmail }: FirstStepProps) {
  const { error, use, offerAgain } = useAutofill(config);
  const query = new URLSearchParams(location.search);
  const asked = query.get("provider");
  const first = config.identity_providers.filter(({ id }) => id === asked);
  const others = config.identity_providers.filter(({ id }) => id !== asked);
  const ask = () => ({ return_to: destinationOf(config) });
  useEffect(() => {
    // Browsers focus a field with `autofocus` only when the page loads.
    if (email !== undefined) document.querySelector<HTMLElement>("input[name=email]")?.focus();
  }, []);
  return (
    <>
      <SignedIn config={config} />
      {first.length > 0 && (
        <>
          <ProviderButtons providers={first} isFirst ask={ask} />
          <p class="or">{t("or")}</p>
        </>
      )}
      <Form
        label={t("sign_in")}
        submit={async ({ email, password }) => {
          stopPasskey();
          try {
            await signIn("login", { email, password }, config);
            leaveFor(destinationOf(config));
          } catch (error) {
            if (!(error instanceof ApiError && error.code === "second_factor_required")) {
              offerAgain();
              throw error;
            }
            continueWith(pendingAfter(error), email ?? "");
          }
        }}
      >
        {/* Not of type email: the default account is called `admin`. */}
        <EmailField
          type="text"
          inputMode="email"
          autoComplete="username webauthn"
          defaultValue={email ?? ""}
          autoFocus={first.length === 0}
        />
        <Field name="password" label={t("password")} type="password" autoComplete="current-password" required />
      </Form>
      {(supportsPasskeys || config.email_sign_in || others.length > 0) && <p class="or">{t("or")}</p>}
      <div class="ways">
        {others.length > 0 && <ProviderButtons providers={others} ask={ask} />}
        {config.email_sign_in && (
          <Button
            label={t("proof.email_code")}
            act={() => {
              stopPasskey();
              useEmail(typedEmail());
            }}
          />
        )}
        {supportsPasskeys && (
          <PasskeyButton
            label={t("proof.passkey")}
            intent="secondary"
            ask={async () => {
              try {
                const response = await askForPasskey(await call<RequestOptions>("POST", "login/passkey/options"));
                if (response) await use(response);
                else offerAgain();
              } catch (error) {
                offerAgain();
                throw error;
              }
            }}
          />
        )}
      </div>
      <Message outcome={error && { kind: "error", text: error.message, problems: [] }} />
      <div class="links">
        <a
          href="/forgot-password"
          onClick={({ currentTarget }) => {
            const email = typedEmail();
            currentTarget.hash = email && `email=${encodeURIComponent(email)}`;
          }}
        >
          {t("sign_in.forgot")}
        </a>
        {isOpen(config) && (
          <p>
            {t("sign_in.no_account")} <a href={withDestination("/signup")}>{t("sign_up")}</a>
          </p>
        )}
        {config.sign_up === "invitation" && (
          <details>
            <summary>{t("sign_in.no_account")}</summary>
            <p>{t("sign_in.by_invitation")}</p>
          </details>
        )}
      </div>
    </>
  );
}

/** Offers to go on to a visitor who is signed in already, or says that the session has ended. The form below is for another account. */
function SignedIn({ config }: { config: Config }) {
  const [user, setUser] = useState<User>();
  const [hasEnded, setEnded] = useState(false);
  useEffect(() => {
    call<User>("GET", "me").then(setUser, ({ code }: ApiError) =>
      setEnded(code === "invalid_token" && forgetSession()),
    );
  }, []);
  if (!user) {
    return (
      <p class="message warning" role="status">
        {hasEnded && t("sign_in.session_ended")}
      </p>
    );
  }
  const name = user.name ?? user.email;
  return (
    <>
      <Person name={user.name} email={user.email}>
        <strong>{t("sign_in.continue.title")}</strong>
        <small>{user.email}</small>
      </Person>
      <a class="button primary" href={destinationOf(config)}>
        {t("sign_in.continue", { user: name })}
      </a>
      <p class="or">{t("sign_in.switch")}</p>
    </>
  );
}

/** Offers passkeys in the autofill of the email field, until the user signs in another way. */
function useAutofill(config: Config) {
  const [error, setError] = useState<ApiError>();
  const [round, setRound] = useState(0);

  async function use(response: PasskeyResponse): Promise<void> {
    setError(undefined);
    await signInWithPasskey(response, config);
    leaveFor(destinationOf(config));
  }

  useEffect(() => {
    let isOpen = true;
    (async () => {
      const response = await offerInAutofill(() => isOpen);
      if (!response) return;
      try {
        await use(response);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        setError(error);
        setRound((round) => round + 1);
      }
    })();
    return () => {
      isOpen = false;
      stopPasskey();
    };
  }, [round]);

  return { error, use, offerAgain: () => setRound((round) => round + 1) };
}
