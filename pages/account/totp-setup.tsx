// Sets up an authenticator app: shows its secret as a QR code and as text, and asks for the first code.

import { rich, t } from "../languages";
import { useEffect, useRef } from "preact/hooks";
import { useAction } from "../design/action";
import { callSignedIn } from "../parts/api";
import { ActionButton } from "../design/button";
import { copyText } from "../parts/clipboard";
import { Field, Form, Message } from "../design/form";
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
        {t("totp.title")}
      </h3>
      <p>{rich("totp.scan", { link: <a href={uri}>{t("totp.scan.link")}</a> })}</p>
      <QrCode text={uri} label={t("totp.qr")} />
      <p>{t("totp.type")}</p>
      <p class="secret">
        <code>{secret.replaceAll(/.{4}(?=.)/g, "$& ")}</code>
        <ActionButton
          label={t("copy")}
          about={t("totp.key")}
          busy={busy}
          act={() => run(() => copyText(secret, "secret"))}
        />
      </p>
      <Message outcome={outcome} />
      <Form
        label={t("totp.turn_on")}
        cancel={cancel}
        submit={async ({ code }) =>
          confirmed(await callSignedIn<NewRecoveryCodes>("PUT", "me/totp", { json: { code } }))
        }
      >
        <Field
          name="code"
          label={t("code")}
          hint={t("totp.code.hint")}
          inputMode="numeric"
          autoComplete="one-time-code"
          required
        />
      </Form>
    </div>
  );
}
