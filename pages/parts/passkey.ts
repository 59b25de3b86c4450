// Passkeys (WebAuthn Level 3): the dialogs of the browser, and the signals that keep its list of passkeys up to date.

import { t } from "../languages";
import { ApiError, call, type User } from "./api";

/** Signals to the browser, which TypeScript's types lack. WebAuthn Level 3, section 5.1.10. */
interface Signals {
  signalUnknownCredential?(unknown: { rpId: string; credentialId: string }): Promise<void>;
  signalAllAcceptedCredentials?(accepted: {
    rpId: string;
    userId: string;
    allAcceptedCredentialIds: string[];
  }): Promise<void>;
}

const browser = globalThis.PublicKeyCredential as (typeof PublicKeyCredential & Signals) | undefined;

/** Whether the browser supports passkeys. Browsers embedded in apps often do not, and none does over plain http. */
export const supportsPasskeys = Boolean(browser?.parseRequestOptionsFromJSON && navigator.credentials);

/** Whether this device can have a passkey itself, with a fingerprint, a face or a PIN. */
export async function isDeviceReady(): Promise<boolean> {
  if (!supportsPasskeys) return false;
  return (await browser?.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false)) ?? false;
}

/** The options of a dialog, with the token that goes back to the service. */
export interface Options<PublicKey> {
  token: string;
  publicKey: PublicKey;
}

export type RequestOptions = Options<PublicKeyCredentialRequestOptionsJSON>;
export type CreationOptions = Options<PublicKeyCredentialCreationOptionsJSON>;

/** The response of a passkey, in the format of the service. */
export interface PasskeyResponse {
  /** The token of the options. */
  token: string;
  credential: { id: string };
  rpId: string;
}

const minute = 60_000;
/** The time limit if the service sets none. */
const defaultTimeLimit = 5 * minute;
/** How long a challenge waits in the autofill before another one replaces it. The service accepts it for ten minutes. */
const autofillTimeLimit = 8 * minute;

class TimedOut extends Error {}
class Replaced extends Error {}

/** The ceremony that the browser is running. It runs one at a time. */
let running: { stop: () => void; ended: Promise<unknown> } | undefined;

/** Ends the ceremony that is running, if any. */
export function stopPasskey(): void {
  running?.stop();
}

/** Runs a ceremony. Throws {@link TimedOut}, {@link Replaced} if it is stopped or another one starts, or an error of the browser. */
async function run(
  timeLimit: number,
  start: (signal: AbortSignal) => Promise<Credential | null>,
): Promise<PublicKeyCredential> {
  const controller = new AbortController();
  const previous = running;
  previous?.stop();
  // The browser may refuse a ceremony until the previous one has ended.
  const result = Promise.resolve(previous?.ended).then(() => {
    controller.signal.throwIfAborted();
    return start(controller.signal);
  });
  running = { stop: () => controller.abort(new Replaced()), ended: result.catch(() => {}) };
  // Some browsers never end a dialog by themselves, or not in time.
  const timer = setTimeout(() => controller.abort(new TimedOut()), timeLimit);
  try {
    const credential = await result;
    if (!credential) throw new TimedOut();
    return credential as PublicKeyCredential;
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

function response(token: string, credential: PublicKeyCredential, rpId = location.hostname): PasskeyResponse {
  return { token, credential: credential.toJSON(), rpId };
}

/** Asks for a passkey in a dialog of the browser. Returns undefined if the dialog was stopped. */
export async function askForPasskey({ token, publicKey }: RequestOptions): Promise<PasskeyResponse | undefined> {
  try {
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
    const credential = await run(timeLimit(publicKey), (signal) =>
      navigator.credentials.get({ publicKey: options, signal }),
    );
    return response(token, credential, publicKey.rpId);
  } catch (error) {
    return explain(error, t("passkey.not_used"));
  }
}

/** Creates a passkey in a dialog of the browser. Returns undefined if the dialog was stopped. */
export async function createPasskey({ token, publicKey }: CreationOptions): Promise<PasskeyResponse | undefined> {
  try {
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
    const credential = await run(timeLimit(publicKey), (signal) =>
      navigator.credentials.create({ publicKey: options, signal }),
    );
    return response(token, credential, publicKey.rp.id);
  } catch (error) {
    return explain(error, t("passkey.not_added"));
  }
}

function timeLimit({ timeout = defaultTimeLimit }: { timeout?: number }): number {
  // The browser's own time-out comes first, because its dialog then closes with a message.
  return timeout + 1000;
}

/** Throws what to show for an error of a dialog. Returns if the dialog was stopped. */
function explain(error: unknown, failed: string): undefined {
  if (error instanceof Replaced) return;
  const name = error instanceof DOMException ? error.name : "";
  const reasons: Record<string, string> = {
    InvalidStateError: t("passkey.known"),
    SecurityError: t("passkey.origin", { origin: location.origin }),
    ConstraintError: t("passkey.cannot_verify", { failed }),
    NotSupportedError: t("passkey.cannot_make", { failed }),
  };
  throw new ApiError("no_passkey_used", reasons[name] ?? t("passkey.closed", { failed }));
}

/**
 * Offers the passkeys of this device in the autofill of a field with `autocomplete="username webauthn"`. Returns the one that
 * the user chooses, or undefined if the browser cannot do this or another ceremony starts.
 */
export async function offerInAutofill(isOpen: () => boolean): Promise<PasskeyResponse | undefined> {
  if (!supportsPasskeys || !(await browser?.isConditionalMediationAvailable?.())) return;
  while (isOpen()) {
    try {
      const { token, publicKey } = await call<RequestOptions>("POST", "login/passkey/options");
      if (!isOpen()) return;
      const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
      const credential = await run(autofillTimeLimit, (signal) =>
        navigator.credentials.get({ publicKey: options, mediation: "conditional", signal }),
      );
      return response(token, credential, publicKey.rpId);
    } catch (error) {
      // Otherwise there is no autofill; the button still works.
      if (!(error instanceof TimedOut)) return;
    }
  }
}

/** Says to the browser that the service does not know this passkey, so that the browser no longer offers it. */
export async function signalUnknown({ rpId, credential }: PasskeyResponse): Promise<void> {
  await browser?.signalUnknownCredential?.({ rpId, credentialId: credential.id }).catch(() => {});
}

/** Says to the browser which passkeys of the user the service knows, so that the browser offers no others. */
export async function signalAccepted(user: User, credentialIds: string[]): Promise<void> {
  if (!browser?.signalAllAcceptedCredentials) return;
  try {
    const { publicKey } = await call<RequestOptions>("POST", "login/passkey/options");
    await browser.signalAllAcceptedCredentials({
      rpId: publicKey.rpId ?? location.hostname,
      userId: base64url(new TextEncoder().encode(user.id)),
      allAcceptedCredentialIds: credentialIds,
    });
  } catch {
    // The browser may then offer a removed passkey, which the sign-in page handles.
  }
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
