// The user's passkeys.

import { useState } from "preact/hooks";
import type { Outcome } from "../parts/action";
import { callSignedIn, type User } from "../parts/api";
import { ConfirmedButton } from "../parts/button";
import { Field } from "../parts/form";
import { supportsPasskeys } from "../parts/passkey";
import { PasskeyButton } from "../parts/passkey-button";
import { Section } from "../parts/section";
import { Moment } from "../parts/time";
import { addPasskey, signalPasskeys } from "./add-passkey";
import type { Passkey } from "./security";

interface PasskeysProps {
  user: User;
  passkeys: Passkey[];
  /** Called after a passkey was added, renamed or removed. */
  changed: () => Promise<void>;
}

export function Passkeys({ user, passkeys, changed }: PasskeysProps) {
  const [outcome, setOutcome] = useState<Outcome>();
  const succeed = async (text: string) => {
    await changed();
    setOutcome({ kind: "success", text, problems: [] });
  };
  return (
    <Section title="Passkeys" outcome={outcome}>
      <p class="soft">A passkey signs you in with your fingerprint, face or PIN instead of a password.</p>
      <ul class="rows">
        {passkeys.map((passkey) => {
          const { id, name, created_at, last_used_at, is_synced } = passkey;
          const path = `me/passkeys/${encodeURIComponent(id)}`;
          return (
            <li key={id}>
              <div>
                <strong>{name}</strong>
                <span class="badge">{is_synced ? "Synced" : "On one device"}</span>
                <small>
                  added <Moment at={created_at} />,{" "}
                  {last_used_at ? (
                    <>
                      last used <Moment at={last_used_at} />
                    </>
                  ) : (
                    "not used yet"
                  )}
                </small>
              </div>
              <ConfirmedButton
                label="Rename"
                about={name}
                question="Rename passkey"
                confirm="Save"
                harmless
                work={async ({ name: newName }) => {
                  await callSignedIn("PUT", path, { json: { name: newName } });
                  await succeed("Passkey renamed.");
                }}
              >
                <Field name="name" label="Name" autoComplete="off" defaultValue={name} required />
              </ConfirmedButton>
              <ConfirmedButton
                label="Remove"
                about={name}
                question={`Remove ${name}?`}
                work={async () => {
                  await callSignedIn("DELETE", path);
                  await signalPasskeys(user);
                  await succeed("Passkey removed.");
                }}
              >
                <p>You can no longer sign in with this passkey.</p>
              </ConfirmedButton>
            </li>
          );
        })}
      </ul>
      {supportsPasskeys ? (
        <PasskeyButton
          label="Add a passkey"
          quiet
          ask={async () => {
            setOutcome(undefined);
            if (await addPasskey(user)) await succeed("Passkey added.");
          }}
        />
      ) : (
        <p class="soft">This browser does not support passkeys.</p>
      )}
    </Section>
  );
}
