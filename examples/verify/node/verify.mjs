// Verifies Postern's session tokens with its public keys.

import { createRemoteJWKSet, errors, jwtVerify } from "jose";

/** Why a request is refused. `status` is 401, or 503 if the keys cannot be fetched. */
export class Refused extends Error {
  constructor(status, code, cause) {
    super(code, { cause });
    this.status = status;
    this.code = code;
  }
}

/**
 * Returns a function that verifies tokens. Call it once, because it caches the keys.
 *
 * @param {string} url The address of Postern.
 * @param {string} [issuer] Postern's APP_URL, if it differs.
 */
export function verifier(url, issuer = url) {
  // The keys are fetched again after 10 minutes, and for an unknown key, but then at most once in 30 seconds.
  const keys = createRemoteJWKSet(new URL("/api/auth/jwks", url), {
    cacheMaxAge: 600_000,
    cooldownDuration: 30_000,
    timeoutDuration: 5_000,
  });

  /**
   * Returns who has the session.
   *
   * @param {string} token
   * @param {{minLevel?: 1 | 2, maxAge?: number}} [needs] Level 2: two factors or a passkey. `maxAge`: how long ago the user may have
   *   signed in or confirmed who they are, in seconds.
   */
  return async function verify(token, { minLevel = 1, maxAge } = {}) {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ["EdDSA", "ES256"],
      typ: "JWT",
      issuer,
      audience: issuer,
      requiredClaims: ["exp", "iat", "sub", "sid", "scopes"],
      clockTolerance: 5,
    }).catch((error) => {
      throw isOfTheToken(error) ? new Refused(401, "invalid_token", error) : new Refused(503, "unavailable", error);
    });
    if (payload.purpose !== "session") throw new Refused(401, "invalid_token");

    const level = payload.acr === "2" ? 2 : 1;
    const isRecent = maxAge === undefined || Date.now() / 1_000 - (payload.auth_time ?? 0) <= maxAge;
    if (level < minLevel || !isRecent) throw new Refused(401, "insufficient_user_authentication");

    const [role, tier] = payload.scopes;
    return { userId: payload.sub, sessionId: payload.sid, role, tier, level };
  };
}

/** Whether the token is invalid. Otherwise the keys could not be fetched. */
function isOfTheToken(error) {
  const unreachable = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  // jose throws its most general error if it cannot fetch the keys.
  return error instanceof errors.JOSEError && error.code !== errors.JOSEError.code && !unreachable;
}
