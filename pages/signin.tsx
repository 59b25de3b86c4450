// Signs in with a password, and a second factor if the account has one, or with a passkey.

import { useEffect, useState } from "preact/hooks";
import { ApiError, call } from "./parts/api";
import type { Config } from "./parts/config";
import { EmailField, Field, Form, Message } from "./parts/form";
import { Page, start } from "./parts/page";
import {
  askForPasskey,
  offerInAutofill,
  type PasskeyResponse,
  type RequestOptions,
  stopPasskey,
  supportsPasskeys,
} from "./parts/passkey";
import { PasskeyButton } from "./parts/passkey-button";
import { type Method, Proof } from "./parts/proof";
import { signIn, signInWithPasskey } from "./parts/sign-in";

/** Returns where to go after signing in. Only our own admin page is allowed, so that a link cannot redirect elsewhere. */
function destination(): string {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  return /^\/admin(#|$)/.test(next) ? next : "/account";
}

/** A sign-in whose password was right, and that needs a second factor. */
interface PendingSignIn {
  token: string;
  methods: Method[];
  email: string;
}

start(({ config }) => {
  const [pending, setPending] = useState<PendingSignIn>();
  /** The email of a sign-in that the user starts again. */
  const [email, setEmail] = useState<string>();
  const startAgain = () => {
    setEmail(pending?.email);
    setPending(undefined);
  };
  return (
    <Page config={config} title={pending ? "One more step" : "Sign in"}>
      {pending ? (
        <SecondStep config={config} pending={pending} startAgain={startAgain} />
      ) : (
        <FirstStep config={config} email={email} continueWith={setPending} />
      )}
    </Page>
  );
});

interface FirstStepProps {
  config: Config;
  email: string | undefined;
  continueWith: (pending: PendingSignIn) => void;
}

function FirstStep({ config, email, continueWith }: FirstStepProps) {
  const { error, use, offerAgain } = useAutofill(config);
  useEffect(() => {
    // Browsers focus a field with `autofocus` only when the page loads.
    if (email !== undefined) document.querySelector<HTMLElement>("input[name=email]")?.focus();
  }, []);
  return (
    <>
      <Form
        label="Sign in"
        submit={async ({ email, password }) => {
          stopPasskey();
          try {
            await signIn("login", { email, password }, config);
            location.replace(destination());
          } catch (error) {
            if (!(error instanceof ApiError && error.code === "second_factor_required")) {
              offerAgain();
              throw error;
            }
            continueWith({ ...(error.detail as Omit<PendingSignIn, "email">), email: email ?? "" });
          }
        }}
      >
        {/* Not of type email: the default account is called `admin`. */}
        <EmailField
          type="text"
          inputMode="email"
          autoComplete="username webauthn"
          defaultValue={email ?? ""}
          autoFocus
        />
        <Field name="password" label="Password" type="password" autoComplete="current-password" required />
      </Form>
      {supportsPasskeys && (
        <>
          <p class="or">or</p>
          <PasskeyButton
            label="Use a passkey"
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
        </>
      )}
      <Message outcome={error && { kind: "error", text: error.message, problems: [] }} />
      <p>
        <a href="/forgot-password">Forgot your password?</a>
      </p>
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
    location.replace(destination());
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

interface SecondStepProps {
  config: Config;
  pending: PendingSignIn;
  startAgain: () => void;
}

function SecondStep({ config, pending: { token, methods }, startAgain }: SecondStepProps) {
  const finish = async (proof: object) => {
    await signIn("login/second-factor", { token, ...proof }, config);
    location.replace(destination());
  };
  return (
    <>
      <Proof
        methods={methods}
        label="Sign in"
        submit={finish}
        loadPasskeyOptions={() =>
          call<RequestOptions>("POST", "login/second-factor/passkey/options", { json: { token } })
        }
        submitPasskey={({ token: challenge, credential }) => finish({ credential, challenge })}
      />
      <p>
        <button type="button" class="link" onClick={startAgain}>
          Start again
        </button>
      </p>
      <details>
        <summary>Lost your phone?</summary>
        <p>
          Use one of the recovery codes that you saved when you set up the second factor. If you have none left, ask an
          admin to reset your second factors.
        </p>
      </details>
    </>
  );
}
