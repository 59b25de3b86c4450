// Tells in any Worker or server whose request this is: by the public keys of Postern, which are fetched once and kept, and
// if wanted by asking Postern whether the session still lives.

import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTVerifyGetKey } from "jose";
import type { components } from "./schema.js";

type User = components["schemas"]["User"];

export interface VerifyOptions {
  /** Where Postern answers: `https://auth.example.com`. */
  url: string;
  /** Its `APP_URL`, which is both `iss` and `aud` of its tokens. The origin of `url`, unless told otherwise. */
  issuer?: string;
  /** The public keys. Those that Postern publishes at `url`, unless told otherwise. */
  jwks?: JWTVerifyGetKey;
  /**
   * Also asks Postern. Without it a token is good until it expires, at most `SESSION_LIFETIME_SECONDS`; with it a logout,
   * a new password and a deactivation count at once, for one more request.
   */
  online?: boolean;
  /** How to reach Postern, such as the `fetch` of a service binding. */
  fetch?: typeof fetch;
}

/** Whose request it is. */
export interface Verified {
  userId: string;
  role: User["role"];
  tier: number;
  sessionId: string;
  /** When the token ends, in UNIX milliseconds. */
  expiresAt: number;
  /** The user as Postern knows them at this moment; only with `online`. */
  user?: User;
}

/** Why a request is not let in. */
export class Unverified extends Error {
  override name = "Unverified";

  constructor(
    /** 401: nobody's, or no longer; 403: of an inactive user; 503: Postern does not answer, so nobody can tell. */
    readonly status: 401 | 403 | 503,
    readonly code: "invalid_token" | "inactive" | "unavailable",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The answer to the request, in the shape of Postern's own. */
  toResponse(): Response {
    const headers = new Headers({ "cache-control": "no-store" });
    // RFC 6750, section 3.
    if (this.status === 401) headers.set("www-authenticate", 'Bearer error="invalid_token"');
    if (this.status === 503) headers.set("retry-after", "5");
    return Response.json({ error: this.message, code: this.code, detail: null }, { status: this.status, headers });
  }
}

/**
 * Tells whose session token the request carries as its bearer.
 *
 * @throws {Unverified} when that is nobody's, or cannot be told.
 */
export async function verify(request: Request, options: VerifyOptions): Promise<Verified> {
  const token = bearer(request);
  if (token === undefined) throw unauthorized();
  const { issuer = new URL(options.url).origin, jwks = publishedKeys(options) } = options;
  const { payload } = await jwtVerify(token, jwks, {
    issuer,
    audience: issuer,
    algorithms: ["EdDSA"],
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
    expiresAt: (payload.exp as number) * 1_000,
  };
  if (!options.online) return verified;
  const user = await ask(token, options);
  return { ...verified, role: user.role, tier: user.tier, user };
}

/** The token of `Authorization: Bearer …` (RFC 6750, section 2.1). */
function bearer(request: Request): string | undefined {
  return request.headers.get("authorization")?.match(/^Bearer +([^\s,]+)$/i)?.[1];
}

// An isolate fetches the keys once, and again when a token names a key that it does not know: jose sees to that.
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

/** Whether the token itself is bad, rather than the keys out of reach. */
function isOfTheToken(error: unknown): boolean {
  const unreachable = [errors.JWKSTimeout, errors.JWKSInvalid];
  // jose says that it could not fetch the keys with its most general error.
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
  throw unavailable(new Error(`${url} answered ${response.status}`));
}

function unauthorized(cause?: unknown): Unverified {
  const message = "You are not signed in, or your session has ended. Please sign in again.";
  return new Unverified(401, "invalid_token", message, { cause });
}

function unavailable(cause: unknown): Unverified {
  return new Unverified(503, "unavailable", "The service is unavailable. Please try again soon.", { cause });
}
