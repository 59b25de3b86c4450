// One user: the fields an admin can change, sessions, invited users and events.

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { type Outcome, useAction } from "../parts/action";
import { callSignedIn, listSignedIn, ApiError, type User } from "../parts/api";
import { ActionButton, ConfirmedButton } from "../parts/button";
import { type EmailProblem, EmailProblemSection } from "../parts/email-problem";
import { Events } from "../parts/events";
import { Choice, Field, Form, type Values } from "../parts/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";
import { type Session, Sessions } from "../parts/sessions";
import { Moment } from "../parts/time";
import { invitedView, treeView, userPath, userView } from "./addresses";
import { activities, roles, tiers, verifications } from "./choices";
import { UserIdentities } from "./user-identities";
import { Badges } from "./users";

interface UserDetails extends User {
  email_problem: EmailProblem | null;
}

export function OneUser({ id, self }: { id: string; self: User }) {
  const path = userPath(id);
  const { value: user, error, reload } = useLoaded(() => callSignedIn<UserDetails>("GET", path));
  const mail = useAction();
  const [reset, setReset] = useState<Outcome>();
  if (!user) return <Section title="User" loading error={error} />;

  const sendLink = () => {
    setReset(undefined);
    return mail.run(async () => {
      await callSignedIn("POST", `${path}/send-password-reset-link`);
      return `A link is on its way to ${user.email}.`;
    });
  };
  return (
    <>
      <Section title={user.email} error={error}>
        <p>
          <Badges user={user} />
          <span class="soft">
            created <Moment at={user.created_at} />
          </span>{" "}
          <a href={invitedView(user.id)}>Invitees</a> <a href={treeView(user.id)}>Invite tree</a>
        </p>
        {user.referrer_id && <InvitedBy path={`${path}/invitation`} />}
        <Form
          label="Save"
          submit={async (values) => {
            const changes = changesIn(values, user);
            if (Object.keys(changes).length === 0) return "No changes to save.";
            try {
              await callSignedIn("PUT", path, { json: { ...changes, updated_at: user.updated_at } });
            } catch (error) {
              // Shows the current values, so that the admin decides based on those.
              if (error instanceof ApiError && error.code === "precondition_failed") await reload();
              throw error;
            }
            await reload();
            return "User saved.";
          }}
        >
          <Fragment key={user.updated_at}>
            <Field name="name" label="Name" autoComplete="off" defaultValue={user.name ?? ""} />
            <Choice name="role" label="Role" choices={roles} chosen={user.role} />
            <Choice name="tier" label="Tier" choices={tiers} chosen={String(user.tier)} />
            <Choice name="is_verified" label="Email status" choices={verifications} chosen={String(user.is_verified)} />
            <Choice name="is_active" label="Status" choices={activities} chosen={String(user.is_active)} />
          </Fragment>
        </Form>
      </Section>
      {user.email_problem && (
        <EmailProblemSection email={user.email} problem={user.email_problem} path={path} changed={reload} />
      )}
      <UserIdentities path={`${path}/identities`} />
      <UserSessions path={`${path}/sessions`} />
      <Section title="Events">
        <Events path="admin/events" query={{ user: user.id }} />
      </Section>
      <Section title="Password and deletion" outcome={reset ?? mail.outcome}>
        {user.email_problem && <p class="soft">This user gets no links by email. Clear the email problem first.</p>}
        <ActionButton label="Email a link to set a password" busy={mail.busy} act={sendLink} />{" "}
        {user.id !== self.id && (
          <ConfirmedButton
            label="Reset second factors"
            question={`Reset the second factors of ${user.email}?`}
            work={async () => {
              await callSignedIn("DELETE", `${path}/second-factors`);
              setReset({
                kind: "success",
                text: "Second factors reset. All sessions of the user have ended.",
                problems: [],
              });
            }}
          >
            <p>
              This removes the user’s authenticator app, recovery codes and passkeys, and ends their sessions. The user
              gets an email about it. First make sure that the request comes from the user: afterwards, the password
              alone signs them in.
            </p>
          </ConfirmedButton>
        )}{" "}
        {user.id !== self.id && (
          <ConfirmedButton
            label="Delete user"
            question={`Delete ${user.email}?`}
            work={async () => {
              await callSignedIn("DELETE", path);
              location.hash = "#users";
            }}
          >
            <p>This permanently deletes the account, its sessions and its invitations.</p>
          </ConfirmedButton>
        )}
      </Section>
    </>
  );
}

interface Origin {
  inviter: { id: string; email: string; name: string | null } | null;
  invitation: { name: string | null; max_uses: number | null; uses: number } | null;
}

/** Who invited the user, and with which invitation. */
function InvitedBy({ path }: { path: string }) {
  const { value: origin, error } = useLoaded(() => callSignedIn<Origin>("GET", path));
  const { inviter, invitation } = origin ?? {};
  return (
    <p role={error && "alert"}>
      {error?.message}
      {inviter && (
        <>
          Invited by <a href={userView(inviter.id)}>{inviter.email}</a>
          {invitation && ` with “${invitation.name ?? "a link without a name"}”, ${timesUsed(invitation)}`}
        </>
      )}
    </p>
  );
}

function timesUsed({ uses, max_uses }: { uses: number; max_uses: number | null }): string {
  if (max_uses !== null) return `used ${uses} of ${max_uses} times`;
  return uses === 1 ? "used once" : `used ${uses} times`;
}

/** Returns only the changed fields: sending the others could overwrite another admin's change with stale values. */
function changesIn(values: Values, user: User) {
  const form = {
    name: values.name || null,
    role: values.role,
    tier: Number(values.tier),
    is_verified: values.is_verified === "true",
    is_active: values.is_active === "true",
  };
  return Object.fromEntries(
    Object.entries(form).filter(([field, value]) => value !== user[field as keyof typeof form]),
  );
}

function UserSessions({ path }: { path: string }) {
  const { value: sessions, error, reload } = useLoaded(() => listSignedIn<Session>(path));
  const { busy, outcome, run } = useAction();
  const end = (which: string, done: string) =>
    run(async () => {
      await callSignedIn("DELETE", path + which);
      await reload();
      return done;
    });
  return (
    <Section title="Sessions" loading={!sessions} error={error} outcome={outcome}>
      {sessions && (
        <Sessions
          sessions={sessions}
          busy={busy}
          end={({ id }) => end(`/${encodeURIComponent(id)}`, "Session ended.")}
        />
      )}
      {sessions && sessions.items.length > 1 && (
        <ActionButton label="End all sessions" busy={busy} act={() => end("", "All sessions ended.")} />
      )}
    </Section>
  );
}
