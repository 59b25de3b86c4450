// One user: the fields an admin can change, sessions, invited users and events.

import { Person } from "../design/person";
import { rich, t, type TextKey } from "../languages";
import { useState } from "preact/hooks";
import { useAction } from "../design/action";
import { toast } from "../design/toast";
import { callSignedIn, listSignedIn, ApiError, type User } from "../parts/api";
import { ActionButton, ConfirmedButton } from "../design/button";
import { type EmailProblem, EmailProblemSection } from "../parts/email-problem";
import { Events } from "../parts/events";
import { Choice, Field, Form, type Values } from "../design/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../design/section";
import { type Session, Sessions } from "../parts/sessions";
import { Moment } from "../design/time";
import { invitedView, treeView, userPath, userView } from "./addresses";
import { activities, roles, tiers, verifications } from "./choices";
import { UserIdentities } from "./user-identities";
import { Badges } from "./badges";
import type { ListedUser } from "./users";

interface UserDetails extends ListedUser {
  email_problem: EmailProblem | null;
}

export function OneUser({ id, self }: { id: string; self: User }) {
  const path = userPath(id);
  const { value: user, error, reload } = useLoaded(() => callSignedIn<UserDetails>("GET", path));
  const mail = useAction();
  // Counts the changes, after which the sessions and events are loaded again.
  const [changes, setChanges] = useState(0);
  if (!user) return <Section title={t("admin.user")} loading error={error} />;

  const changed = async () => {
    await reload();
    setChanges((changes) => changes + 1);
  };
  const sendLink = () =>
    mail.run(async () => {
      await callSignedIn("POST", `${path}/send-password-reset-link`);
      await changed();
      return t("user.link_sent", { email: user.email });
    });
  return (
    <>
      <Section title={user.email} error={error}>
        <Person name={user.name} email={user.email} large>
          <span class="badges">
            {user.second_factor && <span class="badge success">{t("users.second_factor")}</span>}
            <Badges user={user} />
          </span>
          <small>
            {rich("user.created", { when: <Moment at={user.created_at} /> })} ·{" "}
            {user.last_sign_in_at === null
              ? t("user.no_sign_in")
              : rich("user.last_sign_in", { when: <Moment at={user.last_sign_in_at} /> })}
          </small>
        </Person>
        {user.referrer_id && <InvitedBy path={`${path}/invitation`} />}
        <div class="choices">
          <a href={invitedView(user.id)}>{t("user.invitees")}</a>
          <a href={treeView(user.id)}>{t("user.tree")}</a>
        </div>
        <Form
          label={t("user.save")}
          submit={async (values) => {
            const changes = changesIn(values, user);
            if (Object.keys(changes).length === 0) return t("user.no_changes");
            try {
              await callSignedIn("PUT", path, { json: { ...changes, updated_at: user.updated_at } });
            } catch (error) {
              // Shows the current values, so that the admin decides based on those.
              if (error instanceof ApiError && error.code === "precondition_failed") await reload();
              throw error;
            }
            await changed();
            return t("user.saved");
          }}
        >
          <div key={user.updated_at} class="fields">
            <div class="whole">
              <Field name="name" label={t("name")} autoComplete="off" defaultValue={user.name ?? ""} />
            </div>
            <Choice name="role" label={t("users.role")} choices={roles()} chosen={user.role} />
            <Choice name="tier" label={t("users.tier")} choices={tiers} chosen={String(user.tier)} />
            <div class="whole">
              <Choice
                name="is_verified"
                label={t("users.email_status")}
                choices={verifications()}
                chosen={String(user.is_verified)}
              />
            </div>
            <div class="whole">
              <Choice
                name="is_active"
                label={t("users.status")}
                choices={activities()}
                chosen={String(user.is_active)}
              />
            </div>
          </div>
        </Form>
      </Section>
      {user.email_problem && (
        <EmailProblemSection email={user.email} problem={user.email_problem} path={path} changed={changed} />
      )}
      <Section title={t("user.access")} outcome={mail.outcome}>
        {user.email_problem && <p class="soft">{t("user.access.email_problem")}</p>}
        <div class="actions">
          <ActionButton label={t("user.send_link")} busy={mail.busy} act={sendLink} />
          {user.id !== self.id && (
            <ConfirmedButton
              label={t("user.reset_factors")}
              question={t("user.reset_factors.question", { email: user.email })}
              work={async () => {
                await callSignedIn("DELETE", `${path}/second-factors`);
                await changed();
                toast(t("user.factors_reset"));
              }}
            >
              <p>{t("user.reset_factors.about")}</p>
            </ConfirmedButton>
          )}
          {user.id !== self.id && (
            <ConfirmedButton
              label={t("user.delete")}
              question={t("user.delete.question", { email: user.email })}
              work={async () => {
                await callSignedIn("DELETE", path);
                location.hash = "#users";
                toast(t("user.deleted", { email: user.email }));
              }}
            >
              <p>{t("user.delete.about")}</p>
            </ConfirmedButton>
          )}
        </div>
      </Section>
      <UserIdentities path={`${path}/identities`} />
      <UserSessions path={`${path}/sessions`} version={changes} changed={changed} />
      <Section title={t("events")}>
        <Events key={changes} path="admin/events" query={{ user: user.id }} self={user.id} />
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
      {inviter &&
        rich(invited(invitation), {
          inviter: <a href={userView(inviter.id)}>{inviter.email}</a>,
          invitation: invitation?.name,
          usage: invitation && timesUsed(invitation),
        })}
    </p>
  );
}

function invited(invitation: Origin["invitation"] | undefined): TextKey {
  if (!invitation) return "user.invited_by";
  return invitation.name === null ? "user.invited_by.unnamed" : "user.invited_by.with";
}

function timesUsed({ uses, max_uses }: { uses: number; max_uses: number | null }): string {
  if (max_uses !== null) return t("user.used_of", { uses, maximum: max_uses });
  return t("user.used", { count: uses });
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

interface UserSessionsProps {
  path: string;
  /** Another value loads the sessions again. */
  version: number;
  changed: () => Promise<void>;
}

function UserSessions({ path, version, changed }: UserSessionsProps) {
  const { value: sessions, error } = useLoaded(() => listSignedIn<Session>(path), String(version));
  const { busy, outcome, run } = useAction();
  const end = (which: string, done: string) =>
    run(async () => {
      await callSignedIn("DELETE", path + which);
      await changed();
      return done;
    });
  return (
    <Section title={t("sessions")} loading={!sessions} error={error} outcome={outcome}>
      {sessions && (
        <Sessions
          sessions={sessions}
          busy={busy}
          end={({ id }) => end(`/${encodeURIComponent(id)}`, t("sessions.ended"))}
        />
      )}
      {sessions && sessions.items.length > 1 && (
        <div class="actions">
          <ActionButton label={t("sessions.end_all")} busy={busy} act={() => end("", t("sessions.all_ended"))} />
        </div>
      )}
    </Section>
  );
}
