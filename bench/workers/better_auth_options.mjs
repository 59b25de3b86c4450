/** Differences from the defaults of Better Auth. */
export function options(database) {
  return {
    database,
    baseURL: "http://localhost",
    secret: "an-auth-secret-that-is-known-to-every-reader-of-the-benches",
    emailAndPassword: { enabled: true },
    // Looks up a session in D1 each time, like Postern, so that a revoked session ends immediately.
    session: { cookieCache: { enabled: false } },
    // All requests of a benchmark come from one address.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  };
}
