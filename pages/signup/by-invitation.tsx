// Signs up with an invitation.

import { useEffect, useState } from "preact/hooks";
import { Button } from "../design/button";
import { EmailField, Field, Form, NewPasswordField } from "../design/form";
import { t } from "../languages";
import { type ApiError, call } from "../parts/api";
import { useCaptcha } from "../parts/captcha";
import type { Config } from "../parts/config";
import { destinationOf } from "../parts/destination";
import { leaveFor } from "../parts/leave";
import { signIn } from "../parts/sign-in";

const link = new URLSearchParams(location.search);

/** What the service says about an invitation. */
interface Invitation {
  is_valid: boolean;
  /** The name of the user who invites, if it can be shown. */
  inviter: string | null;
}

export function ByInvitation({ config }: { config: Config }) {
  const [referrer, setReferrer] = useState(link.get("referrer") ?? "");
  const [invitation, setInvitation] = useState<Invitation>();
  const [error, setError] = useState<string>();
  const { widget, withCaptcha } = useCaptcha(config, "signup");
  useEffect(() => {
    if (!referrer) return;
    call<Invitation>("POST", "invitation", { json: { token: referrer } }).then(
      setInvitation,
      // Not fatal: the sign-up checks the invitation again.
      (error: ApiError) => setError(error.message),
    );
  }, [referrer]);

  if (referrer && invitation?.is_valid === false) {
    return (
      <>
        <p class="message error" role="alert">
          {t("sign_up.invalid")}
        </p>
        <p>{t("sign_up.invalid.about")}</p>
        <Button label={t("sign_up.enter_another")} act={() => setReferrer("")} />
      </>
    );
  }
  return (
    <>
      {error && (
        <p class="message error" role="alert">
          {error}
        </p>
      )}
      {!referrer && <p>{t("sign_up.needed")}</p>}
      {referrer && invitation?.inviter && (
        <p>{t("sign_up.invited_by", { inviter: invitation.inviter, service: config.service_name })}</p>
      )}
      <Form
        label={t("sign_up")}
        submit={async ({ name, ...fields }) => {
          const json = { referrer, ...fields, ...(name && { name }) };
          await withCaptcha((captcha) => signIn("signup", { ...json, ...captcha }, config));
          leaveFor(destinationOf(config));
        }}
      >
        {!referrer && (
          <Field
            name="referrer"
            label={t("sign_up.invitation")}
            hint={t("sign_up.invitation.hint")}
            autoComplete="off"
            required
          />
        )}
        <EmailField defaultValue={link.get("email") ?? ""} />
        <Field name="name" label={t("sign_up.name")} autoComplete="name" />
        <NewPasswordField minLength={config.password_min_length} />
        {widget}
      </Form>
    </>
  );
}
