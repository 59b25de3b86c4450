// Changes, sets or removes the user's password.

import { type TextKey, t } from "../languages";
import { toast } from "../design/toast";
import { callSignedIn, type User } from "../parts/api";
import { ConfirmedButton } from "../design/button";
import type { Config } from "../parts/config";
import { Field, Form, NewPasswordField, UsernameField } from "../design/form";
import { Section } from "../design/section";
import type { NewRecoveryCodes } from "./security";

interface PasswordProps {
  user: User;
  config: Config;
  /** Whether the user has a password, and can remove it. */
  hasPassword?: boolean;
  isRemovable?: boolean;
  /** How many linked accounts sign the user in. */
  identities?: number;
  showCodes?: (codes: string[] | null) => void;
  changed: () => Promise<void>;
}

export function Password({
  user,
  config,
  hasPassword = true,
  isRemovable = false,
  identities = 0,
  showCodes = () => {},
  changed,
}: PasswordProps) {
  return (
    <Section title={t("own_password")}>
      {!hasPassword && <p>{t(waysWithoutPassword(identities > 0, config.email_sign_in))}</p>}
      <Form
        key={String(hasPassword)}
        label={t(hasPassword ? "own_password.change" : "own_password.set")}
        clears
        submit={async ({ old_password, new_password }) => {
          await callSignedIn("PUT", "me/password", { json: { old_password, new_password } });
          await changed();
          // The form is a different one when there is a password.
          toast(t(hasPassword ? "own_password.changed" : "own_password.was_set"));
        }}
      >
        <UsernameField email={user.email} />
        {hasPassword && (
          <Field
            name="old_password"
            label={t("password.current")}
            type="password"
            autoComplete="current-password"
            required
          />
        )}
        <NewPasswordField name="new_password" label={t("password.new")} minLength={config.password_min_length} />
      </Form>
      {hasPassword && isRemovable && (
        <ConfirmedButton
          label={t("own_password.remove")}
          question={t("own_password.remove.question")}
          confirm={t("own_password.remove.confirm")}
          work={async () => {
            const { recovery_codes } = await callSignedIn<NewRecoveryCodes>("DELETE", "me/password");
            showCodes(recovery_codes);
            await changed();
            toast(t("own_password.removed"));
          }}
        >
          <p>{t(config.email_sign_in ? "own_password.remove.about_email" : "own_password.remove.about")}</p>
        </ConfirmedButton>
      )}
    </Section>
  );
}

function waysWithoutPassword(hasIdentities: boolean, hasEmailSignIn: boolean): TextKey {
  if (hasIdentities) return hasEmailSignIn ? "own_password.none.all" : "own_password.none.passkey_provider";
  return hasEmailSignIn ? "own_password.none.passkey_email" : "own_password.none.passkey";
}
