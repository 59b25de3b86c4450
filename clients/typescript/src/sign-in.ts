// Signing in with a password, a code by email, a second factor or a passkey, and signing up, for pages of your own. Passkeys use the dialogs of the browser (WebAuthn
// Level 3), so they work in pages only, at the origins that Postern's settings allow.

import { ok, PosternError, type components, type Postern, type SecondStep, type User } from "./client.js";
import { signInPage } from "./sign-in-page.js";

export type Passkey = components["schemas"]["Passkey"];

/** The result of {@link signIn}. */
export type SignIn = { status: "signed_in"; user: User } | SecondFactorRequired;

/** A sign-in that needs a second factor. */
export interface SecondFactorRequired {
  status: "second_factor_required";
  /** What the user can choose from: `totp`, `passkey`, `recovery_code`. */
  methods: SecondStep["methods"];
  /**
   * Completes the sign-in, within ten minutes. After a wrong code, call it again.
   *
   * @throws {PosternError} with the code `wrong_code` if the code or the passkey was not accepted.
   */
  finish(factor: SecondFactor): Promise<User>;
}

/**
 * A code that was requested by email. It is plain data: keep it until the user has the code, for example in `localStorage`, where the
 * page that the link opens finds it. Without the email, it opens nothing.
 */
export interface EmailCode {
  /** What the code is for. */
  purpose: "sign_in" | "sign_up";
  /** The parameter `id` in the link of the email. */
  id: string;
  token: string;
  /** When it expires, in UNIX milliseconds. */
  expiresAt: number;
}

/** What the email contains: the code that it shows, or the parameter `secret` of its link. */
export type EmailProof = { code: string } | { secret: string };

/** The result of {@link verifyEmailCode}. */
export type EmailSignIn = SignIn | { status: "waiting_for_approval" };

/** The fields of a sign-up. */
export type NewAccount = components["schemas"]["NewAccount"] | components["schemas"]["OpenAccount"];

/** The result of {@link signUp}. */
export type SignUp = { status: "signed_in"; user: User } | { status: "code_sent"; emailCode: EmailCode };

/** A second factor: the code of an authenticator app, a recovery code, or a passkey that the browser asks for. */
export type SecondFactor = { code: string } | { recoveryCode: string } | AskForPasskey;

/**
 * How a user confirms who they are. For a code by email, send the email first: `POST /api/auth/reauthenticate/email` returns the
 * token.
 */
export type Proof = { password: string } | { code: string } | { emailCode: string; token: string } | AskForPasskey;

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
    return secondFactorRequired(postern, error);
  }
}

function secondFactorRequired(postern: Postern, error: unknown): SecondFactorRequired {
  if (!(error instanceof PosternError && error.secondStep)) throw error;
  const { token, methods } = error.secondStep;
  return { status: "second_factor_required", methods, finish: (factor) => finish(postern, token, factor) };
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
 * Sends an email with a code and a link to sign in, if the address can sign in or sign up. Postern does not say whether it can.
 * Postern may require a `captcha`, the token of a Turnstile widget.
 *
 * @throws {PosternError} with the code `email_sign_in_off` or `too_many_requests`, among others.
 */
export async function signInWithEmail(
  postern: Postern,
  request: components["schemas"]["EmailToSignIn"],
): Promise<EmailCode> {
  return emailCode("sign_in", await ok(postern.POST("/api/auth/login/email", { body: request })));
}

/**
 * Signs up. With a `referrer`, the user token of an invitation, this starts a session. Without one, if Postern's settings allow it, this
 * sends an email with a code and a link: then call {@link verifyEmailCode}. An address that already has an account gets another email.
 *
 * @throws {PosternError} if the sign-up fails.
 */
export async function signUp(postern: Postern, account: NewAccount): Promise<SignUp> {
  const signedUp = await ok(postern.POST("/api/auth/signup", { body: account }));
  if ("user" in signedUp) return { status: "signed_in", user: signedUp.user };
  return { status: "code_sent", emailCode: emailCode("sign_up", signedUp) };
}

function emailCode(purpose: EmailCode["purpose"], sent: components["schemas"]["EmailCodeSent"]): EmailCode {
  return { purpose, id: sent.id, token: sent.token, expiresAt: sent.expires_at };
}

/**
 * Completes {@link signInWithEmail} or {@link signUp} with what the email contains. Mail programs and scanners open links by themselves,
 * so send the `secret` of a link only after the user has clicked a button of your page.
 *
 * @throws {PosternError} with the code `wrong_code` if the code or the link was not accepted, for example because it was used or has
 * expired. After a wrong code, call it again: a code can be tried five times.
 */
export async function verifyEmailCode(
  postern: Postern,
  { purpose, token }: EmailCode,
  proof: EmailProof,
): Promise<EmailSignIn> {
  const path = purpose === "sign_in" ? "/api/auth/login/email/verify" : "/api/auth/signup/verify";
  const answer = "code" in proof ? { code: proof.code } : { secret: proof.secret };
  try {
    const verified = await ok(postern.POST(path, { body: { token, ...answer } }));
    return "user" in verified ? { status: "signed_in", user: verified.user } : verified;
  } catch (error) {
    return secondFactorRequired(postern, error);
  }
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
 * Signs in with an identity provider, such as `google`: opens Postern's page `/signin`, which shows the button of this provider first. After
 * the sign-in, the user returns to `returnTo`. The default is the current page.
 *
 * The user has to pass this page, because the sign-in ends on Postern's page `/callback`, which needs what its own origin has stored at
 * the start. The session is then in Postern's cookie, so the client needs `session: "cookie"`. Postern leads back only to origins in its
 * setting `APP_ORIGINS`.
 *
 * @throws {PosternError} if Postern cannot be asked for its `APP_URL`.
 */
export async function signInWithProvider(
  postern: Postern,
  provider: string,
  { returnTo = location.href }: { returnTo?: string } = {},
): Promise<void> {
  const { app_url } = await ok(postern.GET("/api/auth/config"));
  location.assign(signInPage(app_url, new URL(returnTo, location.href).href, { provider }));
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
  if ("emailCode" in proof) return { email_code: proof.emailCode, token: proof.token };
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
