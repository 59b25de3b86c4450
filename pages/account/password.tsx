// Changes the user's password.

import { callSignedIn, type User } from "../parts/api";
import type { Config } from "../parts/config";
import { Field, Form, NewPasswordField, UsernameField } from "../parts/form";
import { Section } from "../parts/section";

interface PasswordProps {
  user: User;
  config: Config;
  changed: () => Promise<void>;
}

export function Password({ user, config, changed }: PasswordProps) {
  return (
    <Section title="Password">
      <Form
        label="Change password"
        clears
        submit={async ({ old_password, new_password }) => {
          await callSignedIn("PUT", "me/password", { json: { old_password, new_password } });
          await changed();
          return "Password changed. All your other sessions have ended.";
        }}
      >
        <UsernameField email={user.email} />
        <Field name="old_password" label="Current password" type="password" autoComplete="current-password" required />
        <NewPasswordField name="new_password" label="New password" minLength={config.password_min_length} />
      </Form>
    </Section>
  );
}
