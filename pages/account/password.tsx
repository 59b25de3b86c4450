// Changes, sets or removes the user's password.

import { useState } from "preact/hooks";
import type { Outcome } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ConfirmedButton } from "../parts/button";
import type { Config } from "../parts/config";
import { Field, Form, NewPasswordField, UsernameField } from "../parts/form";
import { Section } from "../parts/section";
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
  const [outcome, setOutcome] = useState<Outcome>();
  const succeed = (text: string) => setOutcome({ kind: "success", text, problems: [] });
  return (
    <Section title="Password" outcome={outcome}>
      {!hasPassword && (
        <p>
          You have no password. You sign in with a passkey
          {identities > 0 && (config.email_sign_in ? ", a linked account" : " or a linked account")}
          {config.email_sign_in && " or a code by email"}.
        </p>
      )}
      <Form
        key={String(hasPassword)}
        label={hasPassword ? "Change password" : "Set password"}
        clears
        submit={async ({ old_password, new_password }) => {
          setOutcome(undefined);
          await callSignedIn("PUT", "me/password", { json: { old_password, new_password } });
          await changed();
          const done = "All your other sessions have ended.";
          if (hasPassword) return `Password changed. ${done}`;
          succeed(`Password set. ${done}`);
        }}
      >
        <UsernameField email={user.email} />
        {hasPassword && (
          <Field
            name="old_password"
            label="Current password"
            type="password"
            autoComplete="current-password"
            required
          />
        )}
        <NewPasswordField name="new_password" label="New password" minLength={config.password_min_length} />
      </Form>
      {hasPassword && isRemovable && (
        <ConfirmedButton
          label="Use passkeys only"
          question="Remove your password?"
          confirm="Remove password"
          work={async () => {
            const { recovery_codes } = await callSignedIn<NewRecoveryCodes>("DELETE", "me/password");
            showCodes(recovery_codes);
            await changed();
            succeed("Password removed. You now sign in with your passkeys.");
          }}
        >
          <p>
            You will sign in with a passkey{config.email_sign_in && ", or with a code by email and a second factor"}.
            Add a second passkey on another device first, in case you lose this one.
          </p>
        </ConfirmedButton>
      )}
    </Section>
  );
}
