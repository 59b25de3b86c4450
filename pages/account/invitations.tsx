// Invitations: user tokens, shown as sign-up links, and who signed up with each.

import { Empty, Skeleton } from "../design/skeleton";
import { toast } from "../design/toast";
import { rich, t } from "../languages";
import { useRef, useState } from "preact/hooks";
import { useAction } from "../design/action";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton, ConfirmedButton } from "../design/button";
import { copyText } from "../parts/clipboard";
import type { Config } from "../parts/config";
import { EmailField, Field, Form, type Values } from "../design/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../design/section";
import { Distance, Moment } from "../design/time";

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
  const creation = useRef<HTMLDetailsElement>(null);

  const copy = (link: string) => run(() => copyText(link, "link"));
  const revoke = async (token: string) => {
    await callSignedIn("DELETE", `me/tokens/${encodeURIComponent(token)}`);
    await reload();
    toast(t("invitations.revoked"));
  };

  return (
    <Section title={t("invitations")} isView loading={!tokens} error={error} outcome={outcome}>
      <p class="soft">{t("invitations.about")}</p>
      <div class="choices">
        <details ref={creation}>
          <summary class="button primary">{t("invitations.create")}</summary>
          <Form
            label={t("invitations.create.submit")}
            clears
            submit={async ({ name, ...terms }) => {
              await callSignedIn("POST", "me/create-token", { json: { ...(name && { name }), ...termsOf(terms) } });
              await reload();
              // The new link is the first of the list, right below.
              if (creation.current) creation.current.open = false;
              creation.current?.querySelector("summary")?.focus();
              return t("invitations.created");
            }}
          >
            <Field name="name" label={t("invitations.name")} autoComplete="off" />
            <Terms config={config} />
          </Form>
        </details>
        <details>
          <summary class="button">{t("invitations.email")}</summary>
          {user.is_verified ? (
            <Form
              label={t("invitations.email.submit")}
              clears
              submit={async ({ email, note, ...terms }) => {
                const json = { email, ...(note && { note }), ...termsOf(terms) };
                await callSignedIn("POST", "me/send-invite", { json });
                await reload();
                return t("invitations.email.sent", { email: email ?? "" });
              }}
            >
              <EmailField label={t("invitations.email.to")} autoComplete="off" />
              <Field
                name="note"
                label={t("invitations.note")}
                hint={t("invitations.note.hint")}
                maxLength={100}
                autoComplete="off"
              />
              <Terms config={config} />
            </Form>
          ) : (
            <p>{t("invitations.verify_first")}</p>
          )}
        </details>
      </div>
      {tokens?.length === 0 && <Empty>{t("invitations.none")}</Empty>}
      <ul class="rows">
        {tokens?.map(({ token, name, note, expires_at, max_uses, uses }) => {
          const link = `${config.app_url}/signup?referrer=${token}`;
          const title = name ?? t("invitations.one");
          return (
            <li key={token}>
              <div>
                <strong>{title}</strong>
                {note && <small>{note}</small>}
                <small>
                  {rich("invitations.expires", { when: <Distance to={expires_at} /> })} · {usage(uses, max_uses)}
                </small>
                <input type="text" value={link} readOnly aria-label={t("invitations.link", { invitation: title })} />
                {uses > 0 && <InvitedUsers token={token} key={uses} />}
              </div>
              <ActionButton label={t("copy")} about={title} busy={busy} act={() => copy(link)} />
              <ConfirmedButton
                label={t("invitations.revoke")}
                about={title}
                question={t("invitations.revoke.question", { invitation: title })}
                confirm={t("invitations.revoke")}
                work={() => revoke(token)}
              >
                <p>{t("invitations.revoke.about")}</p>
              </ConfirmedButton>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

/** How often an invitation was used, and how often it can be. */
function usage(uses: number, maximum: number | null): string {
  if (maximum === null) return uses === 0 ? t("invitations.unused") : t("invitations.used", { count: uses });
  return uses < maximum ? t("invitations.used_of", { uses, maximum }) : t("invitations.used_up");
}

/** The fields that limit an invitation. */
function Terms({ config }: { config: Config }) {
  return (
    <>
      <Field
        name="expires_in_days"
        label={t("invitations.days")}
        type="number"
        min={1}
        max={365}
        defaultValue={String(config.user_token_lifetime_days)}
        required
      />
      <Field
        name="max_uses"
        label={t("invitations.maximum")}
        hint={t("invitations.maximum.hint")}
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
      <summary>{t("invitations.users")}</summary>
      {isOpen && <UserList token={token} />}
    </details>
  );
}

function UserList({ token }: { token: string }) {
  const path = `me/tokens/${encodeURIComponent(token)}/users`;
  const { value: users, error } = useLoaded(() => callSignedIn<InvitedUser[]>("GET", path));
  if (error) return <p role="alert">{error.message}</p>;
  if (!users) return <Skeleton lines={2} />;
  return (
    <>
      {users.length === 0 && <p>{t("invitations.users.deleted")}</p>}
      {users.length >= 100 && <p>{t("invitations.users.newest")}</p>}
      <ul>
        {users.map(({ id, name, created_at }) => (
          <li key={id}>
            {name ?? t("invitations.users.unnamed")} · <Moment at={created_at} />
          </li>
        ))}
      </ul>
    </>
  );
}
