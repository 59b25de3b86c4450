// The user's passkeys.

import { rich, t } from "../languages";
import { toast } from "../design/toast";
import { callSignedIn, type User } from "../parts/api";
import { ConfirmedButton } from "../design/button";
import { Field } from "../design/form";
import { supportsPasskeys } from "../parts/passkey";
import { PasskeyButton } from "../parts/passkey-button";
import { Section } from "../design/section";
import { Moment } from "../design/time";
import { addPasskey, signalPasskeys } from "./add-passkey";
import type { Passkey } from "./security";

interface PasskeysProps {
  user: User;
  passkeys: Passkey[];
  /** Called after a passkey was added, renamed or removed. */
  changed: () => Promise<void>;
}

export function Passkeys({ user, passkeys, changed }: PasskeysProps) {
  const succeed = async (text: string) => {
    await changed();
    toast(text);
  };
  return (
    <Section title={t("passkeys")}>
      <p class="soft">{t("passkeys.about")}</p>
      <ul class="rows">
        {passkeys.map((passkey) => {
          const { id, name, created_at, last_used_at, is_synced } = passkey;
          const path = `me/passkeys/${encodeURIComponent(id)}`;
          return (
            <li key={id}>
              <div>
                <span class="badges">
                  <strong>{name}</strong>
                  <span class="badge">{t(is_synced ? "passkeys.synced" : "passkeys.one_device")}</span>
                </span>
                <small>
                  {rich("passkeys.added_at", { when: <Moment at={created_at} /> })} ·{" "}
                  {last_used_at
                    ? rich("identities.used", { when: <Moment at={last_used_at} /> })
                    : t("identities.not_used")}
                </small>
              </div>
              <ConfirmedButton
                label={t("passkeys.rename")}
                about={name}
                question={t("passkeys.rename.question")}
                confirm={t("profile.save")}
                harmless
                work={async ({ name: newName }) => {
                  await callSignedIn("PUT", path, { json: { name: newName } });
                  await succeed(t("passkeys.renamed"));
                }}
              >
                <Field name="name" label={t("name")} autoComplete="off" defaultValue={name} required />
              </ConfirmedButton>
              <ConfirmedButton
                label={t("remove")}
                about={name}
                question={t("passkeys.remove.question", { passkey: name })}
                work={async () => {
                  await callSignedIn("DELETE", path);
                  await signalPasskeys(user);
                  await succeed(t("passkeys.removed"));
                }}
              >
                <p>{t("passkeys.remove.about")}</p>
              </ConfirmedButton>
            </li>
          );
        })}
      </ul>
      {supportsPasskeys ? (
        <PasskeyButton
          label={t("passkeys.add")}
          intent="secondary"
          ask={async () => {
            if (await addPasskey(user)) await succeed(t("passkeys.added"));
          }}
        />
      ) : (
        <p class="soft">{t("passkey.unsupported")}</p>
      )}
    </Section>
  );
}
