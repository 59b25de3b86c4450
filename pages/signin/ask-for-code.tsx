// Asks for an email with a code to sign in.

import { t } from "../languages";
import { useEffect, useRef } from "preact/hooks";
import { call } from "../parts/api";
import { type AskedCode, askedCodes, type SentCode } from "../parts/asked-codes";
import { useCaptcha } from "../parts/captcha";
import type { Config } from "../parts/config";
import { EmailField, Form } from "../design/form";

interface AskForCodeProps {
  config: Config;
  /** What the user has typed so far. */
  email: string;
  /** Whether to ask at once, if there is an email. */
  asksAtOnce: boolean;
  continueWith: (asked: AskedCode) => void;
  usePassword: (email: string) => void;
}

export function AskForCode({ config, email, asksAtOnce, continueWith, usePassword }: AskForCodeProps) {
  const { widget, withCaptcha } = useCaptcha(config, "login_email");
  const container = useRef<HTMLDivElement>(null);
  const field = () => container.current?.querySelector("input");
  useEffect(() => field()?.focus(), []);
  return (
    <div ref={container}>
      <p>{t("sign_in.by_email.about")}</p>
      <Form
        label={t("proof.email_code")}
        submitsAtOnce={asksAtOnce && email !== ""}
        submit={async ({ email = "" }) => {
          const sent = await withCaptcha((captcha) =>
            call<SentCode>("POST", "login/email", { json: { email, ...captcha } }),
          );
          const asked = { ...sent, email, search: location.search };
          askedCodes.remember(asked);
          continueWith(asked);
        }}
      >
        <EmailField defaultValue={email} />
        {widget}
      </Form>
      <p>
        <button type="button" class="link" onClick={() => usePassword(field()?.value ?? "")}>
          {t("sign_in.use_password")}
        </button>
      </p>
    </div>
  );
}
