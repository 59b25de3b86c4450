// The second factor: an authenticator app, recovery codes, and whether every sign-in needs it.

import { rich, t } from "../languages";
import { useState } from "preact/hooks";
import { useAction } from "../design/action";
import { toast } from "../design/toast";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton, Button, ConfirmedButton } from "../design/button";
import type { Config } from "../parts/config";
import { Section } from "../design/section";
import { Moment } from "../design/time";
import { RecoveryCodes } from "./recovery-codes";
import type { NewRecoveryCodes, Security } from "./security";
import { type NewTotp, TotpSetup } from "./totp-setup";

interface SecondFactorProps {
  user: User;
  config: Config;
  security: Security;
  passkeys: number;
  /** New recovery codes that the user has not saved yet. */
  codes: string[] | null;
  showCodes: (codes: string[] | null) => void;
  /** Called after a change. */
  changed: () => Promise<void>;
}

export function SecondFactor({ user, config, security, passkeys, codes, showCodes, changed }: SecondFactorProps) {
  const { totp, second_factor, is_enforced, recovery_codes_left } = security;
  const [setup, setSetup] = useState<NewTotp>();
  const { busy, outcome, run } = useAction();
  const finish = async ({ recovery_codes }: NewRecoveryCodes, text: string) => {
    setSetup(undefined);
    showCodes(recovery_codes);
    await changed();
    toast(text);
  };
  const setUp = () =>
    run(async () => {
      setSetup(await callSignedIn<NewTotp>("POST", "me/totp"));
    });
  const turnOn = () =>
    run(async () => {
      await finish(await callSignedIn<NewRecoveryCodes>("PUT", "me/second-factor"), t("second_factor.turned_on"));
    });

  return (
    <Section title={t("second_factor")} outcome={outcome}>
      <p>
        <span class={`badge ${second_factor ? "success" : ""}`}>
          {t(second_factor ? "second_factor.on" : "second_factor.off")}
        </span>{" "}
        {t(second_factor ? "second_factor.on.about" : "second_factor.off.about")}
        {is_enforced && ` ${t("second_factor.enforced", { service: config.service_name })}`}
      </p>
      {codes && (
        <RecoveryCodes
          codes={codes}
          user={user}
          config={config}
          done={() => {
            showCodes(null);
            toast(t("second_factor.codes_saved"));
          }}
        />
      )}
      <ul class="rows">
        <li>
          <div>
            <strong>{t("totp")}</strong>
            <small>
              {totp ? rich("totp.set_up_at", { when: <Moment at={totp.created_at} /> }) : t("totp.not_set_up")}
              {totp?.last_used_at && <> · {rich("identities.used", { when: <Moment at={totp.last_used_at} /> })}</>}
            </small>
          </div>
          {!totp && !setup && <ActionButton label={t("totp.set_up")} about={t("totp")} busy={busy} act={setUp} />}
          {totp && (
            <ConfirmedButton
              label={t("remove")}
              about={t("totp")}
              question={t("totp.remove.question")}
              work={async () => {
                await callSignedIn("DELETE", "me/totp");
                await changed();
                toast(t("totp.removed"));
              }}
            >
              <p>{t(passkeys > 0 ? "totp.remove.passkeys" : "totp.remove.last")}</p>
            </ConfirmedButton>
          )}
        </li>
        {setup && (
          <li>
            <TotpSetup
              totp={setup}
              confirmed={(codes) => finish(codes, t("totp.added"))}
              cancel={() => {
                setSetup(undefined);
                toast(t("totp.canceled"));
              }}
            />
          </li>
        )}
        <li>
          <div>
            <strong>{t("passkeys")}</strong>
            <small>
              {passkeys === 0 ? t("second_factor.passkeys.none") : t("second_factor.passkeys", { count: passkeys })}
            </small>
          </div>
        </li>
        {second_factor && (
          <li>
            <div>
              <strong>{t("recovery_codes")}</strong>
              <small>{t("recovery_codes.left", { count: recovery_codes_left })}</small>
            </div>
            <ConfirmedButton
              label={t("recovery_codes.new")}
              question={t("recovery_codes.new.question")}
              harmless
              work={async () => {
                await finish(
                  await callSignedIn<NewRecoveryCodes>("POST", "me/recovery-codes"),
                  t("recovery_codes.created"),
                );
              }}
            >
              <p>{t("recovery_codes.new.about")}</p>
            </ConfirmedButton>
          </li>
        )}
      </ul>
      {!second_factor && passkeys > 0 && (
        <div class="actions">
          <Button label={t("second_factor.turn_on")} busy={busy} act={turnOn} />
        </div>
      )}
      {second_factor && !is_enforced && security.has_password && (
        <div class="actions">
          <ConfirmedButton
            label={t("second_factor.turn_off")}
            question={t("second_factor.turn_off.question")}
            work={async () => {
              await callSignedIn("DELETE", "me/second-factor");
              await changed();
              toast(t("second_factor.turned_off"));
            }}
          >
            <p>{t("second_factor.turn_off.about")}</p>
          </ConfirmedButton>
        </div>
      )}
      {(second_factor || passkeys > 0) && <LostPhone config={config} />}
    </Section>
  );
}

function LostPhone({ config }: { config: Config }) {
  return (
    <details>
      <summary>{t("second_factor.lost")}</summary>
      <ol>
        <li>
          {config.email_sign_in
            ? t("second_factor.lost.1.email")
            : rich("second_factor.lost.1", { link: <a href="/forgot-password">{t("second_factor.lost.forgot")}</a> })}
        </li>
        <li>{t("second_factor.lost.2")}</li>
        <li>{t("second_factor.lost.3")}</li>
      </ol>
      <p>{t("second_factor.lost.admin")}</p>
    </details>
  );
}
