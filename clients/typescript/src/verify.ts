// Verifies Postern's session tokens in any Worker or server: with Postern's public keys, which are fetched once and cached,
// and optionally by asking Postern whether the session is still active.

import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTVerifyGetKey } from "jose";
import { type CookieOptions, sessionCookie } from "./cookies.js";
import type { components } from "./schema.js";

type User = components["schemas"]["User"];

export interface VerifyOptions {
  /** The address of Postern: `https://auth.example.com`. */
  url: string;
  /** Postern's `APP_URL`, which is `iss` and `aud` of its tokens. The default is the origin of `url`. */
  issuer?: string;
  /** The public keys. The default is the keys that Postern publishes at `url`. */
  jwks?: JWTVerifyGetKey;
  /**
   * Also asks Postern, which costs one request. Without it, a token is valid until it expires, at most
   * `SESSION_LIFETIME_SECONDS`. With it, a logout, a password change or a deactivation takes effect immediately.
   */
  online?: boolean;
  /** The level that the session must have. 2: the user signed in with two factors or a passkey. */
  minLevel?: 1 | 2;
  /** How long ago the user may have signed in or confirmed who they are, in seconds. */
  maxAge?: number;
  /**
   * Also accepts the session cookie, if the request has no `Authorization` header. Browsers add cookies by themselves, so a request that
   * can change something must come from a page of the same origin, or of `origins`.
   */
  cookie?: boolean | CookieOptions;
  /** The function that sends requests to Postern, such as the `fetch` of a service binding. */
  fetch?: typeof fetch;
}

/** A verified session. */
export interface Verified {
  userId: string;
  role: User["role"];
  tier: number;
  sessionId: string;
  /** 2 if the user signed in with two factors or a passkey, otherwise 1. */
  level: 1 | 2;
  /** How the user signed in (RFC 8176): `pwd`, `otp`, `pop` with `user` for a passkey, and `mfa` at level 2. */
  methods: string[];
  /**
   * When the user last signed in or confirmed who they are, in UNIX milliseconds. `undefined` if the token was issued by a Postern
   * without second factors.
   */
  authenticatedAt: number | undefined;
  /** When the token expires, in UNIX milliseconds. */
  expiresAt: number;
  /** The current user, only with `online`. */
  user?: User;
}

/** The error that {@link verify} throws. */
export class Unverified extends Error {
  override name = "Unverified";

  constructor(
    /** 401: no valid session, or one that is not enough. 403: the user is inactive, or a cookie comes from another site. 503: Postern cannot be reached. */
    readonly status: 401 | 403 | 503,
    readonly code: "invalid_token" | "insufficient_user_authentication" | "inactive" | "foreign_origin" | "unavailable",
    message: string,
    options?: ErrorOptions,
    /** What the session needs, if the code is `insufficient_user_authentication`. */
    readonly required: Pick<VerifyOptions, "minLevel" | "maxAge"> = {},
  ) {
    super(message, options);
  }

  /** Returns a response to the request, in the format of Postern's errors. */
  toResponse(): Response {
    const headers = new Headers({ "cache-control": "no-store" });
    if (this.status === 401) headers.set("www-authenticate", this.#challenge());
    if (this.status === 503) headers.set("retry-after", "5");
    return Response.json({ error: this.message, code: this.code, detail: null }, { status: this.status, headers });
  }

  /** Returns the value of `WWW-Authenticate` (RFC 6750, section 3; RFC 9470, section 3). */
  #challenge(): string {
    const { minLevel, maxAge } = this.required;
    const parameters = { error: this.code, acr_values: minLevel, max_age: maxAge };
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return `Bearer ${given.map(([name, value]) => `${name}="${value}"`).join(", ")}`;
  }
}

/**
 * Verifies the session of a request: its bearer token, or with the option `cookie` also its session cookie.
 *
 * @throws {Unverified} if the token is not one of an active session, the session is not enough for `minLevel` or `maxAge`, or the
 * token cannot be verified.
 */
export async function verify(request: Request, options: VerifyOptions): Promise<Verified> {
  const token = sessionToken(request, options);
  if (token === undefined) throw unauthorized();
  const { issuer = new URL(options.url).origin, jwks = publishedKeys(options) } = options;
  const { payload } = await jwtVerify(token, jwks, {
    issuer,
    audience: issuer,
    algorithms: ["EdDSA", "ES256"],
    typ: "JWT",
    requiredClaims: ["sub", "sid", "iat", "exp", "scopes"],
  }).catch((error: unknown) => {
    throw isOfTheToken(error) ? unauthorized(error) : unavailable(error);
  });
  if (payload.purpose !== "session") throw unauthorized();
  const [role, tier] = payload.scopes as [User["role"], number];
  const verified: Verified = {
    userId: payload.sub as string,
    role,
    tier,
    sessionId: payload.sid as string,
    level: payload.acr === "2" ? 2 : 1,
    methods: (payload.amr ?? []) as string[],
    authenticatedAt: payload.auth_time === undefined ? undefined : (payload.auth_time as number) * 1_000,
    expiresAt: (payload.exp as number) * 1_000,
  };
  requireAuthentication(verified, options);
  if (!options.online) return verified;
  const user = await ask(token, options);
  return { ...verified, role: user.role, tier: user.tier, user };
}

/** Rejects a session that is weaker or older than the options allow (RFC 9470). */
function requireAuthentication({ level, authenticatedAt = 0 }: Verified, { minLevel, maxAge }: VerifyOptions): void {
  const isStrong = level >= (minLevel ?? 1);
  const isRecent = maxAge === undefined || Date.now() - authenticatedAt <= maxAge * 1_000;
  if (isStrong && isRecent) return;
  const message = isStrong ? "Please confirm that it is you." : "Please sign in with a second factor or a passkey.";
  throw new Unverified(401, "insufficient_user_authentication", message, {}, { minLevel, maxAge });
}

function sessionToken(request: Request, { cookie }: VerifyOptions): string | undefined {
  if (!cookie || request.headers.has("authorization")) return bearer(request);
  const found = sessionCookie(request, cookie === true ? {} : cookie);
  if (found === "foreign_origin") {
    throw new Unverified(
      403,
      "foreign_origin",
      "This request does not come from a page of this app. Open the app and try again there.",
    );
  }
  return found;
}

/** Returns the token of `Authorization: Bearer …` (RFC 6750, section 2.1). */
function bearer(request: Request): string | undefined {
  return request.headers.get("authorization")?.match(/^Bearer +([^\s,]+)$/i)?.[1];
}

// jose fetches the keys once per isolate, and again if a token names an unknown key.
const published = new Map<string, JWTVerifyGetKey>();

function publishedKeys({ url, fetch }: VerifyOptions): JWTVerifyGetKey {
  const address = new URL("/api/auth/jwks", url);
  let keys = published.get(address.href);
  if (keys === undefined) {
    keys = createRemoteJWKSet(address, fetch && { [customFetch]: fetch });
    published.set(address.href, keys);
  }
  return keys;
}

/** Whether the token is invalid. Otherwise the keys could not be fetched. */
function isOfTheToken(error: unknown): boolean {
  const unreachable = [errors.JWKSTimeout, errors.JWKSInvalid];
  // jose throws its most general error if it cannot fetch the keys.
  const isGeneral = error instanceof errors.JOSEError && error.code === errors.JOSEError.code;
  return error instanceof errors.JOSEError && !isGeneral && !unreachable.some((kind) => error instanceof kind);
}

async function ask(token: string, { url, fetch: send = fetch }: VerifyOptions): Promise<User> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await send(new URL("/api/auth/me", url), { headers }).catch((error: unknown) => {
    throw unavailable(error);
  });
  if (response.status === 200) return (await response.json()) as User;
  await response.body?.cancel();
  if (response.status === 401) throw unauthorized();
  if (response.status === 403)
    throw new Unverified(403, "inactive", "This account is deactivated. Ask an admin to activate it.");
  throw unavailable(new Error(`${url} responded with status ${response.status}`));
}

function unauthorized(cause?: unknown): Unverified {
  const message = "You are not signed in, or your session has ended. Please sign in again.";
  return new Unverified(401, "invalid_token", message, { cause });
}

function unavailable(cause: unknown): Unverified {
  return new Unverified(503, "unavailable", "The service is unavailable. Please try again soon.", { cause });
}
