// The user's email address, whether it is verified, and the name.

import { callSignedIn, type User } from "../parts/api";
import { Field, Form } from "../parts/form";
import { Section } from "../parts/section";

export function Profile({ user, changed }: { user: User; changed: () => Promise<void> }) {
  return (
    <Section title="Profile">
      <p>
        <strong>{user.email}</strong>{" "}
        <span class={`badge ${user.is_verified ? "success" : ""}`}>
          {user.is_verified ? "Verified" : "Not verified"}
        </span>
      </p>
      <Form
        label="Save"
        submit={async ({ name = "" }) => {
          if (name === (user.name ?? "")) return "No changes to save.";
          await callSignedIn("PUT", "me/name", { json: { name: name === "" ? null : name } });
          await changed();
          return name === "" ? "Name removed." : "Name saved.";
        }}
      >
        <Field key={user.updated_at} name="name" label="Name" autoComplete="name" defaultValue={user.name ?? ""} />
      </Form>
    </Section>
  );
}
