// What users see who must set up a second factor before anything else: an authenticator app or a passkey.

import { t } from "../languages";
import type { ComponentChildren } from "preact";
import { callSignedIn, type User } from "../parts/api";
import { supportsPasskeys } from "../parts/passkey";
import { PasskeyButton } from "../parts/passkey-button";
import { Section } from "../design/section";
import { addPasskey } from "./add-passkey";
import type { NewRecoveryCodes, Protection } from "./security";

interface SecondFactorSetupProps {
  user: User;
  protection: Protection;
  showCodes: (codes: string[] | null) => void;
  changed: () => Promise<void>;
  /** The section in which an authenticator app can be set up. */
  children: ComponentChildren;
}

export function SecondFactorSetup({ user, protection, showCodes, changed, children }: SecondFactorSetupProps) {
  const { security, passkeys } = protection;
  return (
    <>
      {children}
      {supportsPasskeys && passkeys.length === 0 && (
        <Section title={t("passkeys.instead")}>
          <p class="soft">{t("passkeys.instead.about")}</p>
          <PasskeyButton
            label={t("passkeys.add")}
            intent="secondary"
            ask={async () => {
              if (!(await addPasskey(user))) return;
              try {
                if (security.second_factor) return;
                const { recovery_codes } = await callSignedIn<NewRecoveryCodes>("PUT", "me/second-factor");
                showCodes(recovery_codes);
              } finally {
                await changed();
              }
            }}
          />
        </Section>
      )}
    </>
  );
}
