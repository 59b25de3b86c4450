// Which account to sign in with after `npm start`.

import { randomBytes } from "node:crypto";
import { openDatabase } from "./d1.mjs";
import { withWorker } from "./worker.mjs";

/**
 * Returns the email of the default admin, if its default password opens it: the account has it still, or the first request to an
 * empty database creates it. Otherwise returns the email of an active admin, if there is one, and `opens` is false.
 */
export async function accountToSignIn({ ADMIN_EMAIL, ADMIN_PASSWORD }) {
  const email = (ADMIN_EMAIL || "admin").trim().toLowerCase();
  const database = await openDatabase();
  try {
    const [{ count }] = await database.query("SELECT count(*) AS count FROM (SELECT 1 FROM users LIMIT 1)");
    if (count === 0) return { email, opens: true };
    const [account] = await database.query("SELECT password_hash FROM users WHERE email = ? AND is_active = 1", email);
    if (account && (await opens(account.password_hash, ADMIN_PASSWORD || "admin"))) return { email, opens: true };
    const [admin] = await database.query(
      "SELECT email FROM users WHERE role = 'admin' AND is_active = 1 ORDER BY email <> ?, created_at LIMIT 1",
      email,
    );
    return { email: admin?.email, opens: false };
  } finally {
    await database.close();
  }
}

/** Returns whether a password has this hash. The Worker checks it by a login in a temporary database. */
function opens(hash, password) {
  const settings = { ENVIRONMENT: "local", AUTH_SECRET: randomBytes(32).toString("base64url") };
  return withWorker(settings, async ({ database, fetch }) => {
    const sql = "INSERT INTO users (id, email, password_hash, created_at, updated_at) VALUES ('1', 'admin', ?, 0, 0)";
    await database.prepare(sql).bind(hash).run();
    const body = JSON.stringify({ email: "admin", password });
    const { ok } = await fetch("/api/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    return ok;
  });
}
