// `npm run admin -- reset-password EMAIL`: lets somebody in again who can neither sign in nor be reached by mail, such as
// the only admin. Whoever can run it has the database already, so it asks for no other proof.
//
//   npm run admin -- reset-password EMAIL                            the database of `npm start`
//   npm run admin -- reset-password EMAIL --remote                   the one of the deployment
//   npm run admin -- reset-password EMAIL --remote --env staging     the one of another environment
//
// It shows a random password, once, that is good for one thing: to sign in and choose another. Every session and every
// reset link of the account ends, and the audit log has it.

import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { configuration, environments } from "./lib/deployment.mjs";
import { ask, Failure, main, say } from "./lib/run.mjs";
import { withWorker } from "./lib/worker.mjs";

Object.assign(process.env, { WRANGLER_SEND_METRICS: "false", WRANGLER_SEND_ERROR_REPORTS: "false", WRANGLER_WRITE_LOGS: "false" });

await main(async () => {
  const { email, environment, isRemote, state } = chosen();
  await build();

  const password = randomBytes(18).toString("base64url");
  const account = await setPassword(email, await hash(password), { environment, isRemote, state });
  say(`${email} (${account.role}) has a new password, shown this once:\n\n    ${password}\n`);
  console.log("  Sign in with it and choose another: in a deployment it opens nothing else. All sessions have ended.");
  if (!account.is_active) console.log("  The account is deactivated, so nobody signs in with it until an admin activates it.");
});

function chosen() {
  const advice = "Run `npm run admin -- reset-password EMAIL`, with `--remote` for the deployment and `--env staging` for another than production.";
  try {
    const options = { env: { type: "string", default: environments[0] }, remote: { type: "boolean", default: false }, "persist-to": { type: "string" } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [command, email, ...others] = positionals;
    if (command !== "reset-password" || !email || others.length > 0) throw new Error("This is no command of it.");
    if (!environments.includes(values.env)) throw new Error(`There is no environment ${values.env}.`);
    return { email: email.trim().toLowerCase(), environment: values.env, isRemote: values.remote, state: values["persist-to"] };
  } catch ({ message }) {
    throw new Failure(message, advice);
  }
}

/** The hash of a password, made by the Worker: its first account, in a database that is gone at once, gets this password. */
function hash(password) {
  const settings = { ENVIRONMENT: "local", AUTH_SECRET: randomBytes(32).toString("base64url"), ADMIN_EMAIL: "admin@example.com", ADMIN_PASSWORD: password };
  return withWorker(settings, async ({ database, failures, fetch }) => {
    const body = JSON.stringify({ email: settings.ADMIN_EMAIL, password });
    const answer = await fetch("/api/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body });
    if (!answer.ok) throw new Failure(`The Worker cannot make a hash: ${failures.join("\n") || answer.status}`, "`npm test` says more.");
    return await database.prepare("SELECT password_hash FROM users").first("password_hash");
  });
}

/** Sets it in one transaction with all that belongs to it. Returns the account. */
async function setPassword(email, passwordHash, { environment, isRemote, state }) {
  const [{ database_name: database }] = (await configuration(environment)).d1_databases;
  const text = (value) => `'${value.replaceAll("'", "''")}'`;
  const [now, user] = [Date.now(), `email = ${text(email)}`];
  const statements = [
    `UPDATE users SET password_hash = ${text(passwordHash)}, must_change_password = 1, password_reset_id = NULL, updated_at = max(${now}, updated_at + 1) WHERE ${user} RETURNING role, is_active`,
    `DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE ${user})`,
    // The audit log, in which nobody had signed in and no address was seen.
    `INSERT INTO events (at, action, result, subject_id, address) SELECT ${now}, 'password_reset_completed', 'success', id, 'terminal' FROM users WHERE ${user}`,
  ];
  const place = isRemote ? [database, "--remote"] : ["DB", "--local", ...(state ? ["--persist-to", state] : [])];
  const said = ask("wrangler", ["d1", "execute", ...place, "--yes", "--json", "--command", statements.join("; ")]);
  const what = isRemote ? `the database ${database} of the deployment` : "the database of this machine";
  if (said === null) {
    const advice = isRemote ? "Sign in with `npx wrangler login`." : "Start it once with `npm start`.";
    throw new Failure(`wrangler cannot write to ${what}.`, `${advice} \`npx wrangler d1 execute ${place.join(" ")} --command 'SELECT 1'\` says more.`);
  }
  const [account] = JSON.parse(said)[0].results;
  if (account) return account;
  throw new Failure(`There is no account ${email} in ${what}.`, "Nothing was changed. See who there is: `SELECT email, role FROM users WHERE role = 'admin'`.");
}
