// Invitations: user tokens, shown as sign-up links, and who signed up with each.

import { useState } from "preact/hooks";
import { useAction } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton } from "../parts/button";
import { copyText } from "../parts/clipboard";
import type { Config } from "../parts/config";
import { EmailField, Field, Form, type Values } from "../parts/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";
import { Distance, Moment } from "../parts/time";

interface UserToken {
  token: string;
  name: string | null;
  note: string | null;
  expires_at: number;
  /** Null if any number of people can use it. */
  max_uses: number | null;
  uses: number;
}

interface InvitedUser {
  id: string;
  name: string | null;
  created_at: number;
}

export function Invitations({ user, config }: { user: User; config: Config }) {
  const { value: tokens, error, reload } = useLoaded(() => callSignedIn<UserToken[]>("GET", "me/tokens"));
  const { busy, outcome, run } = useAction();

  const copy = (link: string) => run(() => copyText(link, "Link"));
  const revoke = (token: string) =>
    run(async () => {
      await callSignedIn("DELETE", `me/tokens/${encodeURIComponent(token)}`);
      await reload();
      return "Invitation revoked.";
    });

  return (
    <Section title="Invitations" loading={!tokens} error={error} outcome={outcome}>
      <p class="soft">Anyone with one of these links can sign up, until it expires or is used up.</p>
      <ul class="rows">
        {tokens?.map(({ token, name, note, expires_at, max_uses, uses }) => {
          const link = `${config.app_url}/signup?referrer=${token}`;
          const title = name ?? "Invitation";
          return (
            <li key={token}>
              <div>
                <strong>{title}</strong>
                {note && <small>{note}</small>}
                <small>
                  expires <Distance to={expires_at} />, {usage(uses, max_uses)}
                </small>
                <input type="text" value={link} readOnly aria-label={`Link for ${title}`} />
                {uses > 0 && <InvitedUsers token={token} key={uses} />}
              </div>
              <ActionButton label="Copy" about={title} busy={busy} act={() => copy(link)} />
              <ActionButton label="Revoke" about={title} busy={busy} act={() => revoke(token)} />
            </li>
          );
        })}
      </ul>
      <details>
        <summary>Create a link</summary>
        <Form
          label="Create link"
          clears
          submit={async ({ name, ...terms }) => {
            await callSignedIn("POST", "me/create-token", { json: { ...(name && { name }), ...termsOf(terms) } });
            await reload();
            return "Link created.";
          }}
        >
          <Field name="name" label="Name of the link (optional)" autoComplete="off" />
          <Terms config={config} />
        </Form>
      </details>
      <details>
        <summary>Invite by email</summary>
        {user.is_verified ? (
          <Form
            label="Send invitation"
            clears
            submit={async ({ email, note, ...terms }) => {
              const json = { email, ...(note && { note }), ...termsOf(terms) };
              await callSignedIn("POST", "me/send-invite", { json });
              await reload();
              return `An invitation is on its way to ${email}.`;
            }}
          >
            <EmailField label="Email of the person to invite" autoComplete="off" />
            <Field name="note" label="Note (optional)" hint="Only you see it." maxLength={100} autoComplete="off" />
            <Terms config={config} />
          </Form>
        ) : (
          <p>
            Verify your own email to send invitations from here. Until then, you can copy a link and send it yourself.
          </p>
        )}
      </details>
    </Section>
  );
}

/** How often an invitation was used, and how often it can be. */
function usage(uses: number, maximum: number | null): string {
  if (maximum === null) return uses === 0 ? "not used yet" : `used ${uses === 1 ? "once" : `${uses} times`}`;
  return uses < maximum ? `used ${uses} of ${maximum} times` : "used up";
}

/** The fields that limit an invitation. */
function Terms({ config }: { config: Config }) {
  return (
    <>
      <Field
        name="expires_in_days"
        label="Expires in (days)"
        type="number"
        min={1}
        max={365}
        defaultValue={String(config.user_token_lifetime_days)}
        required
      />
      <Field
        name="max_uses"
        label="How many people can sign up (optional)"
        hint="Without a number, there is no limit."
        type="number"
        min={1}
        max={1000}
      />
    </>
  );
}

function termsOf({ expires_in_days, max_uses }: Values) {
  return { expires_in_days: Number(expires_in_days), ...(max_uses && { max_uses: Number(max_uses) }) };
}

/** Who signed up with an invitation. Loaded when it is opened. */
function InvitedUsers({ token }: { token: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Who signed up</summary>
      {isOpen && <UserList token={token} />}
    </details>
  );
}

function UserList({ token }: { token: string }) {
  const path = `me/tokens/${encodeURIComponent(token)}/users`;
  const { value: users, error } = useLoaded(() => callSignedIn<InvitedUser[]>("GET", path));
  if (error) return <p role="alert">{error.message}</p>;
  if (!users) return <p aria-busy="true">Loading…</p>;
  return (
    <>
      {users.length === 0 && <p>These accounts were deleted.</p>}
      {users.length >= 100 && <p>The newest 100:</p>}
      <ul>
        {users.map(({ id, name, created_at }) => (
          <li key={id}>
            {name ?? "A user without a name"}, <Moment at={created_at} />
          </li>
        ))}
      </ul>
    </>
  );
}
