// The name, and the email with what is known of it.

import { callSignedIn, type User } from "../parts/api";
import { Field, Form } from "../parts/form";
import { Section } from "../parts/section";

export function Profile({ user, changed }: { user: User; changed: () => Promise<void> }) {
  return (
    <Section title="Profile">
      <p>
        <strong>{user.email}</strong>{" "}
        <span class={`badge ${user.is_verified ? "success" : ""}`}>{user.is_verified ? "Verified" : "Not verified"}</span>
      </p>
      <Form
        label="Save"
        submit={async ({ name }) => {
          await callSignedIn("PUT", "me/name", { json: { name } });
          await changed();
          return "Your name is saved.";
        }}
      >
        <Field name="name" label="Name" autoComplete="name" defaultValue={user.name ?? ""} required />
      </Form>
    </Section>
  );
}
