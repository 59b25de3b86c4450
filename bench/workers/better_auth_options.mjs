/** The defaults of Better Auth, but for what is said here. */
export function options(database) {
  return {
    database,
    baseURL: "http://localhost",
    secret: "an-auth-secret-that-is-known-to-every-reader-of-the-benches",
    emailAndPassword: { enabled: true },
    // A session is looked up in D1 each time, as Postern does: so it ends at once when it is revoked.
    session: { cookieCache: { enabled: false } },
    // All requests of a bench come from one place.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  };
}
