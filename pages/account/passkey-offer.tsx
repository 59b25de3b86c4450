// Offers a passkey to users who sign in with a password. "Not now" is final: this browser never offers it again.

import { t } from "../languages";
import { useEffect, useState } from "preact/hooks";
import { toast } from "../design/toast";
import type { User } from "../parts/api";
import { ActionButton } from "../design/button";
import { focusTitle } from "../design/page";
import { isDeviceReady } from "../parts/passkey";
import { PasskeyButton } from "../parts/passkey-button";
import { Section } from "../design/section";
import { addPasskey } from "./add-passkey";
import type { Protection } from "./security";

interface PasskeyOfferProps {
  user: User;
  protection: Protection;
  changed: () => Promise<void>;
}

export function PasskeyOffer({ user, protection: { security, passkeys }, changed }: PasskeyOfferProps) {
  const [isOpen, setOpen] = useState(false);
  const key = `passkey-offer:${user.id}`;
  useEffect(() => {
    if (!security.methods.includes("password") || passkeys.length > 0 || isDeclined(key)) return;
    isDeviceReady().then(setOpen);
  }, []);
  if (!isOpen) return null;

  const add = async () => {
    if (!(await addPasskey(user))) return;
    await changed();
    setOpen(false);
    focusTitle();
    toast(t("passkeys.offer.added"));
  };
  const refuse = () => {
    decline(key);
    setOpen(false);
    focusTitle();
  };
  return (
    <Section title={t("passkeys.offer")}>
      <p>{t("passkeys.offer.about")}</p>
      {passkeys.length === 0 && (
        <div class="choices">
          <PasskeyButton label={t("passkeys.add")} small ask={add} />
          <ActionButton label={t("passkeys.offer.refuse")} busy={false} act={refuse} />
        </div>
      )}
    </Section>
  );
}

function isDeclined(key: string): boolean {
  try {
    return localStorage.getItem(key) !== null;
  } catch {
    // The browser blocks storage, so it could not remember a "no" either.
    return true;
  }
}

function decline(key: string): void {
  try {
    localStorage.setItem(key, "declined");
  } catch {
    // The storage is full. The offer closes, and comes back with the next visit.
  }
}
