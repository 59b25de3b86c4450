// A button that opens a form for a new user.

import { ConfirmedButton } from "../design/button";
import { Choice, EmailField, Field, NewPasswordField } from "../design/form";
import { t } from "../languages";
import { callSignedIn, type User } from "../parts/api";
import type { Config } from "../parts/config";
import { userView } from "./addresses";
import { roles, tiers, verifications } from "./choices";

export function NewUser({ config }: { config: Config }) {
  return (
    <ConfirmedButton
      label={t("users.new")}
      question={t("users.new")}
      confirm={t("users.new.submit")}
      harmless
      isMain
      work={async ({ email, name, password, role, tier, is_verified }) => {
        const user = await callSignedIn<User>("POST", "admin/users", {
          json: {
            email,
            role,
            tier: Number(tier),
            is_verified: is_verified === "true",
            ...(name && { name }),
            ...(password && { password }),
          },
        });
        location.hash = userView(user.id);
      }}
    >
      <EmailField autoComplete="off" />
      <Field name="name" label={t("users.new.name")} autoComplete="off" />
      <NewPasswordField
        label={t("users.new.password")}
        hint={t("users.new.password.hint")}
        minLength={config.password_min_length}
        required={false}
      />
      <Choice name="role" label={t("users.role")} choices={roles()} chosen="user" />
      <Choice name="tier" label={t("users.tier")} choices={tiers} chosen="0" />
      <Choice name="is_verified" label={t("users.email_status")} choices={verifications()} chosen="false" />
    </ConfirmedButton>
  );
}
