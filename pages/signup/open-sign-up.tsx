// Signs up without an invitation. The service emails a code first, also to an email that has an account, so this page does not reveal
// who has one.

import { t } from "../languages";
import { call } from "../parts/api";
import { type AskedCode, askedCodes, type SentCode } from "../parts/asked-codes";
import { useCaptcha } from "../parts/captcha";
import type { Config } from "../parts/config";
import { EmailField, Field, Form, NewPasswordField } from "../design/form";

/** What the user has entered so far, without the password. */
export interface Applicant {
  email?: string | undefined;
  name?: string | undefined;
  note?: string | undefined;
}

interface OpenSignUpProps {
  config: Config;
  applicant: Applicant;
  continueWith: (asked: AskedCode, applicant: Applicant) => void;
}

export function OpenSignUp({ config, applicant, continueWith }: OpenSignUpProps) {
  const { widget, withCaptcha } = useCaptcha(config, "signup");
  return (
    <>
      {config.sign_up === "domains" && <p>{t("sign_up.domains")}</p>}
      {config.sign_up === "approval" && <p>{t("sign_up.approval")}</p>}
      <Form
        label={t("sign_up")}
        submit={async ({ email = "", ...fields }) => {
          const filled = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
          const sent = await withCaptcha((captcha) =>
            call<SentCode>("POST", "signup", { json: { email, ...filled, ...captcha } }),
          );
          const asked = { ...sent, email, search: location.search };
          askedCodes.remember(asked);
          continueWith(asked, { email, name: fields.name, note: fields.note });
        }}
      >
        <EmailField defaultValue={applicant.email ?? ""} autoFocus />
        <Field name="name" label={t("sign_up.name")} autoComplete="name" defaultValue={applicant.name ?? ""} />
        {config.email_sign_in ? (
          <NewPasswordField
            label={t("sign_up.password_optional")}
            hint={t("sign_up.password_optional.hint", { count: config.password_min_length })}
            minLength={config.password_min_length}
            required={false}
          />
        ) : (
          <NewPasswordField minLength={config.password_min_length} />
        )}
        {config.sign_up === "approval" && (
          <Field
            name="note"
            label={t("sign_up.note")}
            hint={t("sign_up.note.hint")}
            autoComplete="off"
            maxLength={500}
            defaultValue={applicant.note ?? ""}
          />
        )}
        {widget}
      </Form>
    </>
  );
}
