// The user's email address, whether it is verified, and the name.

import { Person } from "../design/person";
import { t } from "../languages";
import { callSignedIn, type User } from "../parts/api";
import { Field, Form } from "../design/form";
import { Section } from "../design/section";

export function Profile({ user, changed }: { user: User; changed: () => Promise<void> }) {
  return (
    <Section title={t("profile")} isView>
      <Person name={user.name} email={user.email} large>
        <strong>{user.email}</strong>{" "}
        <span class={`badge ${user.is_verified ? "success" : "warning"}`}>
          {t(user.is_verified ? "profile.verified" : "profile.not_verified")}
        </span>
      </Person>
      <Form
        label={t("profile.save")}
        submit={async ({ name = "" }) => {
          if (name === (user.name ?? "")) return t("profile.no_changes");
          await callSignedIn("PUT", "me/name", { json: { name: name === "" ? null : name } });
          await changed();
          return t(name === "" ? "profile.name_removed" : "profile.name_saved");
        }}
      >
        <Field key={user.updated_at} name="name" label={t("name")} autoComplete="name" defaultValue={user.name ?? ""} />
      </Form>
    </Section>
  );
}
