// Adds a passkey to the account.

import { callSignedIn, type User } from "../parts/api";
import { type CreationOptions, createPasskey, signalAccepted } from "../parts/passkey";
import type { Passkey } from "./security";

/** Creates a passkey in a dialog of the browser and adds it. Returns undefined if the user canceled. */
export async function addPasskey(user: User): Promise<Passkey | undefined> {
  const options = await callSignedIn<CreationOptions>("POST", "me/passkeys/options");
  const response = await createPasskey(options);
  if (!response) return;
  const { token, credential } = response;
  const passkey = await callSignedIn<Passkey>("POST", "me/passkeys", { json: { token, credential } });
  await signalPasskeys(user);
  return passkey;
}

/** Makes the browser offer the passkeys that the account has now, and no others. */
export async function signalPasskeys(user: User): Promise<void> {
  const passkeys = await callSignedIn<Passkey[]>("GET", "me/passkeys");
  await signalAccepted(
    user,
    passkeys.map(({ credential_id }) => credential_id),
  );
}
