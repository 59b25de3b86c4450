// Sets up an authenticator app: shows its secret as a QR code and as text, and asks for the first code.

import { useEffect, useRef } from "preact/hooks";
import { useAction } from "../parts/action";
import { callSignedIn } from "../parts/api";
import { ActionButton } from "../parts/button";
import { copyText } from "../parts/clipboard";
import { Field, Form, Message } from "../parts/form";
import { QrCode } from "./qr-code";
import type { NewRecoveryCodes } from "./security";

export interface NewTotp {
  /** In base32. */
  secret: string;
  /** `otpauth://totp/…` */
  uri: string;
}

interface TotpSetupProps {
  totp: NewTotp;
  /** Called with the new recovery codes, if the user had none. */
  confirmed: (codes: NewRecoveryCodes) => Promise<void>;
  cancel: () => void;
}

export function TotpSetup({ totp: { secret, uri }, confirmed, cancel }: TotpSetupProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { busy, outcome, run } = useAction();
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class="setup">
      <h3 ref={heading} tabIndex={-1}>
        Set up an authenticator app
      </h3>
      <p>
        Scan this code with your authenticator app. If the app is on this device,{" "}
        <a href={uri}>open it with this link</a>.
      </p>
      <QrCode text={uri} label="QR code for your authenticator app" />
      <p>Or type this key into the app:</p>
      <p class="secret">
        <code>{secret.replaceAll(/.{4}(?=.)/g, "$& ")}</code>
        <ActionButton label="Copy" about="key" busy={busy} act={() => run(() => copyText(secret, "Key"))} />
      </p>
      <Message outcome={outcome} />
      <Form
        label="Turn on"
        submit={async ({ code }) =>
          confirmed(await callSignedIn<NewRecoveryCodes>("PUT", "me/totp", { json: { code } }))
        }
      >
        <Field
          name="code"
          label="Code"
          hint="The 6-digit code that the app shows now."
          inputMode="numeric"
          autoComplete="one-time-code"
          required
        />
        <button type="button" class="quiet" onClick={cancel}>
          Cancel
        </button>
      </Form>
    </div>
  );
}
