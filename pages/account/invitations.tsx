// Invitations: user tokens, shown as sign-up links.

import { useAction } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton } from "../parts/button";
import { copyText } from "../parts/clipboard";
import type { Config } from "../parts/config";
import { EmailField, Field, Form } from "../parts/form";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";
import { Distance } from "../parts/time";

interface UserToken {
  token: string;
  name: string | null;
  expires_at: number;
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
      <p class="soft">Anyone with one of these links can sign up.</p>
      <ul class="rows">
        {tokens?.map(({ token, name, expires_at }) => {
          const link = `${config.app_url}/signup?referrer=${token}`;
          const title = name ?? "Invitation";
          return (
            <li key={token}>
              <div>
                <strong>{title}</strong>
                <small>
                  expires <Distance to={expires_at} />
                </small>
                <input type="text" value={link} readOnly aria-label={`Link for ${title}`} />
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
          submit={async ({ name, expires_in_days }) => {
            await callSignedIn("POST", "me/create-token", {
              json: { ...(name && { name }), expires_in_days: Number(expires_in_days) },
            });
            await reload();
            return "Link created.";
          }}
        >
          <Field name="name" label="Name of the link (optional)" autoComplete="off" />
          <Field
            name="expires_in_days"
            label="Expires in (days)"
            type="number"
            min={1}
            max={365}
            defaultValue={String(config.user_token_lifetime_days)}
            required
          />
        </Form>
      </details>
      <details>
        <summary>Invite by email</summary>
        {user.is_verified ? (
          <Form
            label="Send invitation"
            clears
            submit={async ({ email }) => {
              await callSignedIn("POST", "me/send-invite", { json: { email } });
              await reload();
              return `An invitation is on its way to ${email}.`;
            }}
          >
            <EmailField label="Email of the person to invite" autoComplete="off" />
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
