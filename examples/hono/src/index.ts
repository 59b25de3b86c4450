// A Hono app that accepts Postern's sessions, by bearer token or by cookie. /greeting verifies the token with the public keys. /transfer
// also asks Postern whether the session is still active. /welcome works without a session.

import { Hono } from "hono";
import { findSession, requireSession } from "postern-client/hono";

interface Env {
  Bindings: {
    /** The address of Postern. */
    POSTERN_URL: string;
  };
}

const app = new Hono<Env>();
const options = (c: { env: Env["Bindings"] }) => ({ url: c.env.POSTERN_URL, cookie: true });

app.get("/welcome", findSession(options), ({ json, var: { session } }) =>
  json({ welcome: session ? `Welcome back, ${session.userId}.` : "Welcome." }),
);

app.on(["GET", "POST"], "/greeting", requireSession(options), ({ json, var: { session } }) =>
  json({ greeting: `Hello, ${session.role} ${session.userId}.` }),
);

app.post(
  "/transfer",
  requireSession((c) => ({ ...options(c), online: true })),
  ({ json, var: { user } }) => json({ transferred: `on behalf of ${user.email}` }),
);

export default app;
