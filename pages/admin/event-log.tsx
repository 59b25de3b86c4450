// The audit log, optionally filtered by user or action.

import { Events } from "../parts/events";
import { Field, Form } from "../parts/form";
import { Section } from "../parts/section";

export function EventLog({ parameters }: { parameters: URLSearchParams }) {
  const query = Object.fromEntries(
    [...parameters].filter(([name, value]) => ["user", "action"].includes(name) && value),
  );
  return (
    <Section title="Events">
      <Form
        label="Search"
        inline
        submit={async (values) => {
          location.hash = `#events?${new URLSearchParams(values)}`;
        }}
      >
        <Field name="action" label="Action" autoComplete="off" defaultValue={query.action ?? ""} />
        <Field name="user" label="User ID" autoComplete="off" defaultValue={query.user ?? ""} />
      </Form>
      <Events path="admin/events" query={query} />
    </Section>
  );
}
