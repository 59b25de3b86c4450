// Lets the user choose how to prove who they are: with a password, a code from the authenticator app or an email, a passkey or
// a recovery code.

import { t } from "../languages";
import { useEffect, useRef, useState } from "preact/hooks";
import { EmailProof } from "./email-proof";
import { Field, Form, UsernameField } from "../design/form";
import { askForPasskey, type PasskeyResponse, type RequestOptions, stopPasskey, supportsPasskeys } from "./passkey";
import { PasskeyButton } from "./passkey-button";

export type Method = "password" | "email_code" | "totp" | "passkey" | "recovery_code";

/** The member of the request, and the texts of the field. */
const typed = {
  password: {
    name: "password",
    label: "password",
    hint: undefined,
    input: { type: "password", autoComplete: "current-password" },
  },
  totp: {
    name: "code",
    label: "code",
    hint: "proof.totp.hint",
    input: { inputMode: "numeric", autoComplete: "one-time-code" },
  },
  recovery_code: {
    name: "recovery_code",
    label: "proof.recovery_code.label",
    hint: "proof.recovery_code.hint",
    input: { autoComplete: "off", autoCapitalize: "none", spellcheck: false },
  },
} as const;

/** A password or a code as part of a request, such as `{"code": "123456"}`. */
export type TypedProof = Record<string, string>;

interface ProofProps {
  /** The methods that the service accepts, the best one first. */
  methods: Method[];
  /** The label of the button that sends a password or a code. */
  label: string;
  /** For password managers. */
  email?: string | undefined;
  submit: (proof: TypedProof) => Promise<void>;
  loadPasskeyOptions: () => Promise<RequestOptions>;
  submitPasskey: (response: PasskeyResponse) => Promise<void>;
  /** Asks for an email with a code, where the service accepts one. */
  askForEmail?: () => Promise<{ token: string }>;
}

export function Proof({
  methods,
  label,
  email = "",
  submit,
  loadPasskeyOptions,
  submitPasskey,
  askForEmail,
}: ProofProps) {
  const usable = methods.filter((method) => {
    if (method === "passkey") return supportsPasskeys;
    return method === "email_code" ? askForEmail !== undefined : method in typed;
  });
  const [method, setMethod] = useState(usable[0]);
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    container.current?.querySelector<HTMLElement>("input:not([hidden]), button")?.focus();
    return stopPasskey;
  }, [method]);

  return (
    <div ref={container}>
      {!method && (
        <p class="message error" role="alert">
          {t("proof.unsupported")}
        </p>
      )}
      {method === "passkey" && (
        <PasskeyButton
          label={t("proof.passkey")}
          opensAtOnce={method !== usable[0]}
          ask={async () => {
            const response = await askForPasskey(await loadPasskeyOptions());
            if (response) await submitPasskey(response);
          }}
        />
      )}
      {method === "email_code" && askForEmail && (
        <EmailProof label={label} email={email} asksAtOnce={method !== usable[0]} ask={askForEmail} submit={submit} />
      )}
      {method && method !== "passkey" && method !== "email_code" && (
        <Form key={method} label={label} submit={submit}>
          {method === "password" && email && <UsernameField email={email} />}
          <Field
            name={typed[method].name}
            label={t(typed[method].label)}
            hint={hintOf(method)}
            {...typed[method].input}
            required
          />
        </Form>
      )}
      {usable
        .filter((other) => other !== method)
        .map((other) => (
          <p key={other}>
            {/* Not with the second click of a double click, which hits the choice that is there by then. */}
            <button type="button" class="link" onClick={({ detail }) => detail < 2 && setMethod(other)}>
              {t(`proof.${other}`)}
            </button>
          </p>
        ))}
    </div>
  );
}

function hintOf(method: keyof typeof typed): string | undefined {
  const { hint } = typed[method];
  return hint && t(hint);
}
