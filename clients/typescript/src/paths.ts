// The endpoints of signing in.

const beginnings = [
  "/api/auth/login",
  "/api/auth/login/email/verify",
  "/api/auth/login/passkey",
  "/api/auth/login/second-factor",
  "/api/auth/login/{provider}/callback",
  "/api/auth/signup",
  "/api/auth/signup/verify",
];

/** Returns whether a call returns the token of a new session, with the status 200. */
export function startsSession(schemaPath: string): boolean {
  return beginnings.includes(schemaPath);
}

/** Returns whether a call is a part of signing in, so that it does not concern the current session. */
export function isSigningIn(schemaPath: string): boolean {
  return startsSession(schemaPath) || schemaPath.startsWith("/api/auth/login/");
}
