// One user: what an admin may change, sessions, the people invited, and events.

import { Fragment } from "preact";
import { useAction } from "../parts/action";
import { callSignedIn, listSignedIn, Refusal, type User } from "../parts/api";
import { ActionButton, ConfirmedButton } from "../parts/button";
import { Events } from "../parts/events";
import { Choice, Field, Form, type Values } from "../parts/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";
import { type Session, Sessions } from "../parts/sessions";
import { Moment } from "../parts/time";
import { invitedView, treeView, userPath, userView } from "./addresses";
import { activities, roles, tiers } from "./choices";
import { Badges } from "./users";

export function OneUser({ id, self }: { id: string; self: User }) {
  const path = userPath(id);
  const { value: user, refusal, reload } = useLoaded(() => callSignedIn<User>("GET", path));
  const mail = useAction();
  if (!user) return <Section title="User" loading refusal={refusal} />;

  const sendLink = () =>
    mail.run(async () => {
      await callSignedIn("POST", `${path}/send-password-reset-link`);
      return `A link is on its way to ${user.email}.`;
    });
  return (
    <>
      <Section title={user.email} refusal={refusal}>
        <p>
          <Badges user={user} />
          <span class="soft">
            since <Moment at={user.created_at} />
          </span>{" "}
          {user.referrer_id && <a href={userView(user.referrer_id)}>Invited by</a>}{" "}
          <a href={invitedView(user.id)}>Invited by this user</a> <a href={treeView(user.id)}>Invite tree</a>
        </p>
        <Form
          label="Save"
          submit={async (values) => {
            const changes = changesIn(values, user);
            if (Object.keys(changes).length === 0) return "Nothing has changed.";
            try {
              await callSignedIn("PUT", path, { json: { ...changes, updated_at: user.updated_at } });
            } catch (fault) {
              // The form shows the present values, so that the admin decides on those.
              if (fault instanceof Refusal && fault.code === "precondition_failed") await reload();
              throw fault;
            }
            await reload();
            return "The user is saved.";
          }}
        >
          <Fragment key={user.updated_at}>
            <Field name="name" label="Name" autoComplete="off" defaultValue={user.name ?? ""} />
            <Choice name="role" label="Role" choices={roles} chosen={user.role} />
            <Choice name="tier" label="Tier" choices={tiers} chosen={String(user.tier)} />
            <Choice name="is_active" label="Activity" choices={activities} chosen={String(user.is_active)} />
          </Fragment>
        </Form>
      </Section>
      <UserSessions path={`${path}/sessions`} />
      <Section title="Events">
        <Events path="admin/events" query={{ user: user.id }} />
      </Section>
      <Section title="Password and existence" outcome={mail.outcome}>
        <ActionButton label="Mail a link to set a password" busy={mail.busy} act={sendLink} />{" "}
        {user.id !== self.id && (
          <ConfirmedButton
            label="Delete the user"
            question={`Delete ${user.email}?`}
            work={async () => {
              await callSignedIn("DELETE", path);
              location.hash = "#users";
            }}
          >
            <p>The account, its sessions and its invitations are gone for good.</p>
          </ConfirmedButton>
        )}
      </Section>
    </>
  );
}

/** The fields whose value in the form is not the user's: a form that was opened earlier must not restore the others. */
function changesIn(values: Values, user: User) {
  const form = {
    name: values.name || null,
    role: values.role,
    tier: Number(values.tier),
    is_active: values.is_active === "true",
  };
  return Object.fromEntries(
    Object.entries(form).filter(([field, value]) => value !== user[field as keyof typeof form]),
  );
}

function UserSessions({ path }: { path: string }) {
  const { value: sessions, refusal, reload } = useLoaded(() => listSignedIn<Session>(path));
  const { busy, outcome, run } = useAction();
  const end = (which: string, done: string) =>
    run(async () => {
      await callSignedIn("DELETE", path + which);
      await reload();
      return done;
    });
  return (
    <Section title="Sessions" loading={!sessions} refusal={refusal} outcome={outcome}>
      {sessions && (
        <Sessions
          sessions={sessions}
          busy={busy}
          end={({ id }) => end(`/${encodeURIComponent(id)}`, "The session has ended.")}
        />
      )}
      {sessions && sessions.items.length > 1 && (
        <ActionButton label="End all" busy={busy} act={() => end("", "Every session has ended.")} />
      )}
    </Section>
  );
}
