// Invitations: user tokens, each as a link with which somebody signs up.

import { useAction } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ActionButton } from "../parts/button";
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
  const { value: tokens, refusal, reload } = useLoaded(() => callSignedIn<UserToken[]>("GET", "me/tokens"));
  const { busy, outcome, run } = useAction();

  const copy = (link: string) =>
    run(async () => {
      // Refused where the browser has no clipboard to give; the link can be marked by hand.
      const isCopied = await navigator.clipboard.writeText(link).then(
        () => true,
        () => false,
      );
      return isCopied ? "The link is copied." : "The browser lets no page copy. Mark the link and copy it by hand.";
    });
  const end = (token: string) =>
    run(async () => {
      await callSignedIn("DELETE", `me/tokens/${encodeURIComponent(token)}`);
      await reload();
      return "The invitation has ended.";
    });

  return (
    <Section title="Invitations" loading={!tokens} refusal={refusal} outcome={outcome}>
      <p class="soft">Whoever has such a link can sign up with it.</p>
      <ul class="rows">
        {tokens?.map(({ token, name, expires_at }) => {
          const link = `${config.app_url}/signup?referrer=${token}`;
          const title = name ?? "Invitation";
          return (
            <li key={token}>
              <div>
                <strong>{title}</strong>
                <small>
                  ends <Distance to={expires_at} />
                </small>
                <input type="text" value={link} readOnly aria-label={`Link of ${title}`} />
              </div>
              <ActionButton label="Copy" about={title} busy={busy} act={() => copy(link)} />
              <ActionButton label="End" about={title} busy={busy} act={() => end(token)} />
            </li>
          );
        })}
      </ul>
      <details>
        <summary>New link</summary>
        <Form
          label="Make a link"
          clears
          submit={async ({ name, expires_in_days }) => {
            await callSignedIn("POST", "me/create-token", {
              json: { ...(name && { name }), expires_in_days: Number(expires_in_days) },
            });
            await reload();
            return "The link is made.";
          }}
        >
          <Field name="name" label="For whom or what (optional)" autoComplete="off" />
          <Field
            name="expires_in_days"
            label="Days until it ends"
            type="number"
            min={1}
            max={365}
            defaultValue={String(config.user_token_lifetime_days)}
            required
          />
        </Form>
      </details>
      <details>
        <summary>Invite by mail</summary>
        {user.is_verified ? (
          <Form
            label="Send the invitation"
            clears
            submit={async ({ email }) => {
              await callSignedIn("POST", "me/send-invite", { json: { email } });
              await reload();
              return `An invitation is on its way to ${email}.`;
            }}
          >
            <EmailField label="Email of the invitee" autoComplete="off" />
          </Form>
        ) : (
          <p>Verify your email first. Until then you can make a link and send it yourself.</p>
        )}
      </details>
    </Section>
  );
}
