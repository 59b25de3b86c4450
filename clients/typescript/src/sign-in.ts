// Signing in with a password, a second factor or a passkey, for pages of your own. Passkeys use the dialogs of the browser (WebAuthn
// Level 3), so they work in pages only, at the origins that Postern's settings allow.

import { ok, PosternError, type components, type Postern, type SecondStep, type User } from "./client.js";

export type Passkey = components["schemas"]["Passkey"];

/** The result of {@link signIn}. */
export type SignIn =
  | { status: "signed_in"; user: User }
  | {
      status: "second_factor_required";
      /** What the user can choose from: `totp`, `passkey`, `recovery_code`. */
      methods: SecondStep["methods"];
      /**
       * Completes the sign-in, within ten minutes. After a wrong code, call it again.
       *
       * @throws {PosternError} with the code `wrong_code` if the code or the passkey was not accepted.
       */
      finish(factor: SecondFactor): Promise<User>;
    };

/** A second factor: the code of an authenticator app, a recovery code, or a passkey that the browser asks for. */
export type SecondFactor = { code: string } | { recoveryCode: string } | AskForPasskey;

/** How a user confirms who they are. */
export type Proof = { password: string } | { code: string } | AskForPasskey;

export interface AskForPasskey {
  passkey: true;
  /** Closes the dialog of the browser. */
  signal?: AbortSignal;
}

/** Returns whether the browser supports passkeys. Browsers inside apps often do not, so always offer a second way to sign in. */
export function supportsPasskeys(): boolean {
  return browser()?.parseRequestOptionsFromJSON !== undefined;
}

/**
 * Signs in with an email and a password. If the account needs a second factor, there is no session yet: ask for one of `methods`
 * and call `finish`.
 *
 * @throws {PosternError} if the sign-in fails.
 */
export async function signIn(postern: Postern, credentials: { email: string; password: string }): Promise<SignIn> {
  try {
    const { user } = await ok(postern.POST("/api/auth/login", { body: credentials }));
    return { status: "signed_in", user };
  } catch (error) {
    if (!(error instanceof PosternError && error.secondStep)) throw error;
    const { token, methods } = error.secondStep;
    return { status: "second_factor_required", methods, finish: (factor) => finish(postern, token, factor) };
  }
}

async function finish(postern: Postern, token: string, factor: SecondFactor): Promise<User> {
  const body = { token, ...(await secondStep(postern, token, factor)) };
  return (await ok(postern.POST("/api/auth/login/second-factor", { body }))).user;
}

async function secondStep(postern: Postern, token: string, factor: SecondFactor) {
  if ("code" in factor) return { code: factor.code };
  if ("recoveryCode" in factor) return { recovery_code: factor.recoveryCode };
  const options = await ok(postern.POST("/api/auth/login/second-factor/passkey/options", { body: { token } }));
  return { challenge: options.token, credential: await get(options, factor) };
}

/**
 * Signs in with a passkey that the user chooses, without an email.
 *
 * With `autofill`, the passkeys appear among the suggestions of a field with `autocomplete="username webauthn"`. Call it when the
 * page opens; it waits for the user, so abort it with `signal` before the user signs in in another way.
 *
 * @throws {PosternError} if Postern does not accept the passkey. The browser forgets one that is unknown to Postern.
 * @throws {DOMException} of the browser, such as `NotAllowedError` if the user cancels, or `NotSupportedError`.
 */
export async function signInWithPasskey(
  postern: Postern,
  { autofill = false, signal }: { autofill?: boolean; signal?: AbortSignal } = {},
): Promise<User> {
  const { token, rpId, credential } = await (autofill
    ? getFromAutofill(postern, signal)
    : getFromDialog(postern, signal));
  try {
    return (await ok(postern.POST("/api/auth/login/passkey", { body: { token, credential } }))).user;
  } catch (error) {
    if (error instanceof PosternError && error.code === "unknown_passkey") await forget(rpId, credential.id);
    throw error;
  }
}

async function getFromDialog(postern: Postern, signal?: AbortSignal): Promise<Chosen> {
  const options = await ok(postern.POST("/api/auth/login/passkey/options"));
  return { token: options.token, rpId: options.publicKey.rpId, credential: await get(options, { signal }) };
}

/** Waits for the user, with a new challenge whenever the previous one is about to expire. */
async function getFromAutofill(postern: Postern, signal?: AbortSignal): Promise<Chosen> {
  if (!(await browser()?.isConditionalMediationAvailable?.())) throw unsupported();
  for (;;) {
    const options = await ok(postern.POST("/api/auth/login/passkey/options"));
    const expiry = AbortSignal.timeout(options.publicKey.timeout);
    const either = signal ? AbortSignal.any([signal, expiry]) : expiry;
    try {
      const credential = await get(options, { mediation: "conditional", signal: either });
      return { token: options.token, rpId: options.publicKey.rpId, credential };
    } catch (error) {
      if (signal?.aborted || !expiry.aborted) throw error;
    }
  }
}

/**
 * Adds a passkey to the account of the current user.
 *
 * @throws {PosternError} with the code `reauthentication_required` if the user signed in too long ago: call {@link reauthenticate}
 * first. The browser forgets a passkey that Postern does not accept.
 * @throws {DOMException} of the browser, such as `NotAllowedError` if the user cancels, or `InvalidStateError` if the device already
 * has a passkey of this account.
 */
export async function addPasskey(
  postern: Postern,
  { name, signal }: { name?: string; signal?: AbortSignal } = {},
): Promise<Passkey> {
  const { token, publicKey } = await ok(postern.POST("/api/auth/me/passkeys/options"));
  if (!supportsPasskeys()) throw unsupported();
  const created = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey as PublicKeyCredentialCreationOptionsJSON),
    ...(signal && { signal }),
  });
  const credential = toJson(created);
  try {
    return await ok(
      postern.POST("/api/auth/me/passkeys", { body: { token, credential, ...(name !== undefined && { name }) } }),
    );
  } catch (error) {
    const isRefused = error instanceof PosternError && ["passkey_refused", "too_many_passkeys"].includes(error.code);
    if (isRefused) await forget(publicKey.rp.id, credential.id);
    throw error;
  }
}

/**
 * Confirms who the current user is, so that sensitive calls work for the next 15 minutes and the stored token says so to other
 * services. `reauthentication` of the error that asked for it has the methods to choose from.
 *
 * @throws {PosternError} with the code `wrong_proof` if the proof was not accepted.
 */
export async function reauthenticate(postern: Postern, proof: Proof): Promise<User> {
  await ok(postern.POST("/api/auth/reauthenticate", { body: await proven(postern, proof) }));
  // The response has a token with the new time.
  return ok(postern.GET("/api/auth/me"));
}

async function proven(postern: Postern, proof: Proof) {
  if ("password" in proof) return { password: proof.password };
  if ("code" in proof) return { code: proof.code };
  const options = await ok(postern.POST("/api/auth/reauthenticate/passkey/options"));
  return { token: options.token, credential: await get(options, proof) };
}

/** A passkey that the user has chosen, with the token of its challenge. */
interface Chosen {
  token: string;
  rpId: string;
  credential: CredentialJson;
}

// biome-ignore lint/suspicious/noExplicitAny: the types of the browser and of Postern's description differ in details
type CredentialJson = any;

async function get(
  { publicKey }: components["schemas"]["PasskeyRequest"],
  { mediation, signal }: { mediation?: CredentialMediationRequirement; signal?: AbortSignal | undefined },
): Promise<CredentialJson> {
  if (!supportsPasskeys()) throw unsupported();
  const chosen = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey as PublicKeyCredentialRequestOptionsJSON),
    ...(mediation && { mediation }),
    ...(signal && { signal }),
  });
  return toJson(chosen);
}

function toJson(credential: Credential | null): CredentialJson {
  // Only requests for other kinds of credentials return null.
  if (credential === null) throw new DOMException("The browser returned no passkey.", "NotAllowedError");
  return (credential as PublicKeyCredential).toJSON();
}

/** WebAuthn Level 3, section 5.1.10, which TypeScript's types lack. */
interface Signals {
  signalUnknownCredential?(unknown: { rpId: string; credentialId: string }): Promise<void>;
}

/** Lets the browser forget a passkey, if it can. */
async function forget(rpId: string, credentialId: string): Promise<void> {
  await browser()
    ?.signalUnknownCredential?.({ rpId, credentialId })
    .catch(() => {});
}

function browser(): (typeof PublicKeyCredential & Signals) | undefined {
  return (globalThis as { PublicKeyCredential?: typeof PublicKeyCredential & Signals }).PublicKeyCredential;
}

function unsupported(): DOMException {
  return new DOMException("This browser does not support this use of passkeys.", "NotSupportedError");
}
