// The second factor: an authenticator app, recovery codes, and whether every sign-in needs it.

import { useState } from "preact/hooks";
import { type Outcome, useAction } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton, ConfirmedButton } from "../parts/button";
import type { Config } from "../parts/config";
import { Section } from "../parts/section";
import { Moment } from "../parts/time";
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
  const [done, setDone] = useState<Outcome>();
  const succeed = (text: string) => setDone({ kind: "success", text, problems: [] });

  /** Starts an action whose outcome replaces the last one. */
  const start = (work: () => Promise<string | void>) => {
    setDone(undefined);
    run(work);
  };
  const finish = async ({ recovery_codes }: NewRecoveryCodes, text: string) => {
    setSetup(undefined);
    showCodes(recovery_codes);
    await changed();
    succeed(text);
  };
  const setUp = () =>
    start(async () => {
      setSetup(await callSignedIn<NewTotp>("POST", "me/totp"));
    });
  const turnOn = () =>
    start(async () => {
      await finish(await callSignedIn<NewRecoveryCodes>("PUT", "me/second-factor"), "Second factor turned on.");
    });

  return (
    <Section title="Second factor" outcome={done ?? outcome}>
      <p>
        <span class={`badge first ${second_factor ? "success" : ""}`}>{second_factor ? "On" : "Off"}</span>{" "}
        {second_factor
          ? "Signing in takes a second step."
          : "Signing in takes one step. A second factor protects your account if someone learns your password or reads your email."}
        {is_enforced && ` ${config.service_name} requires you to use a second factor.`}
      </p>
      {codes && (
        <RecoveryCodes
          codes={codes}
          user={user}
          config={config}
          done={() => {
            showCodes(null);
            succeed("You can get new recovery codes here at any time.");
          }}
        />
      )}
      <ul class="rows">
        <li>
          <div>
            <strong>Authenticator app</strong>
            <small>
              {totp ? (
                <>
                  set up <Moment at={totp.created_at} />
                  {totp.last_used_at && (
                    <>
                      , last used <Moment at={totp.last_used_at} />
                    </>
                  )}
                </>
              ) : (
                "not set up"
              )}
            </small>
          </div>
          {!totp && !setup && <ActionButton label="Set up" about="authenticator app" busy={busy} act={setUp} />}
          {totp && (
            <ConfirmedButton
              label="Remove"
              about="authenticator app"
              question="Remove the authenticator app?"
              work={async () => {
                await callSignedIn("DELETE", "me/totp");
                await changed();
                succeed("Authenticator app removed.");
              }}
            >
              <p>
                {passkeys > 0
                  ? "Your passkeys remain as the second factor."
                  : "This turns the second factor off: signing in will take one step."}
              </p>
            </ConfirmedButton>
          )}
        </li>
        {setup && (
          <li>
            <TotpSetup
              totp={setup}
              confirmed={(codes) => finish(codes, "Authenticator app set up.")}
              cancel={() => {
                setSetup(undefined);
                succeed("Nothing was changed.");
              }}
            />
          </li>
        )}
        <li>
          <div>
            <strong>Passkeys</strong>
            <small>{count(passkeys)}</small>
          </div>
        </li>
        {second_factor && (
          <li>
            <div>
              <strong>Recovery codes</strong>
              <small>{recovery_codes_left} left, for when you lose your phone</small>
            </div>
            <ConfirmedButton
              label="Get new codes"
              question="Get new recovery codes?"
              harmless
              work={async () => {
                await finish(
                  await callSignedIn<NewRecoveryCodes>("POST", "me/recovery-codes"),
                  "New recovery codes created.",
                );
              }}
            >
              <p>Your old recovery codes will stop working.</p>
            </ConfirmedButton>
          </li>
        )}
      </ul>
      {!second_factor && passkeys > 0 && <ActionButton label="Turn on with your passkeys" busy={busy} act={turnOn} />}
      {second_factor && !is_enforced && security.has_password && (
        <ConfirmedButton
          label="Turn off"
          question="Turn the second factor off?"
          work={async () => {
            await callSignedIn("DELETE", "me/second-factor");
            await changed();
            succeed("Second factor turned off.");
          }}
        >
          <p>
            Signing in will take one step. The authenticator app and the recovery codes are removed; your passkeys stay.
          </p>
        </ConfirmedButton>
      )}
      {(second_factor || passkeys > 0) && <LostPhone config={config} />}
    </Section>
  );
}

function count(passkeys: number): string {
  if (passkeys === 0) return "none";
  return passkeys === 1 ? "1, which also works as a second factor" : `${passkeys}, which also work as a second factor`;
}

function LostPhone({ config }: { config: Config }) {
  return (
    <details>
      <summary>If you lose your phone</summary>
      <ol>
        <li>
          {config.email_sign_in ? (
            "Sign in with your password or a code by email, and with one of your recovery codes."
          ) : (
            <>
              Sign in with your password and one of your recovery codes. If you have no password, first set one with{" "}
              <a href="/forgot-password">Forgot your password?</a>
            </>
          )}
        </li>
        <li>Remove the lost authenticator app or passkey here, and end the sessions of the phone.</li>
        <li>Set up a new second factor, and get new recovery codes.</li>
      </ol>
      <p>Without recovery codes, ask an admin to reset your second factors.</p>
    </details>
  );
}
