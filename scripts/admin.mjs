// `npm run admin`: commands for the operator that change the database directly. They require nothing but access to the database.
//
//   npm run admin -- reset-password EMAIL   Sets a random password, which it prints once and which the user must change after signing
//                                           in. For users who can neither sign in nor receive mail, such as the only admin. Ends all
//                                           sessions and reset links of the account.
//   npm run admin -- reset-second-factors EMAIL
//                                           Removes the authenticator app, the recovery codes and all passkeys of the account, and ends
//                                           all its sessions. For users who have lost them if no other admin can do it, such as the only
//                                           admin. After that, the password is enough to sign in.
//   npm run admin -- end-all-sessions       Ends all sessions, reset links, one-time passwords and user tokens of all users, after a
//                                           secret has leaked. Asks for confirmation; `--yes` confirms without a terminal.
//
// By default they use the local database of `npm start`. `--remote` selects that of the deployment, and `--env staging` that of another
// environment. Each command writes an event to the audit log with the actor `operator`.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { askFor, canAsk } from "./lib/ask.mjs";
import { configuration, environments } from "./lib/deployment.mjs";
import { settingsProblems } from "./lib/events.mjs";
import { ask, Failure, main, say } from "./lib/run.mjs";
import { withWorker } from "./lib/worker.mjs";

const usage =
  "Run `npm run admin -- reset-password EMAIL`, `npm run admin -- reset-second-factors EMAIL` or `npm run admin -- " +
  "end-all-sessions`. Add `--remote` for the deployment, and `--env staging` for staging.";

/** The columns that say how else the user of a statement can sign in. */
const otherWays = ["passkeys", "identities"]
  .map((table) => `(SELECT count(*) FROM ${table} WHERE user_id = users.id) AS ${table}`)
  .join(", ");

Object.assign(process.env, {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_WRITE_LOGS: "false",
});

await main(async () => {
  const { command, email, options } = parseArguments();
  const database = await databaseFrom(options);
  if (command === "reset-password") await resetPassword(database, email);
  else if (command === "reset-second-factors") await resetSecondFactors(database, email);
  else await endAllSessions(database, options.yes);
});

function parseArguments() {
  try {
    const { values: options, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        env: { type: "string", default: environments[0] },
        remote: { type: "boolean", default: false },
        "persist-to": { type: "string" },
        yes: { type: "boolean", default: false },
      },
    });
    const [command, ...args] = positionals;
    const wanted = { "reset-password": 1, "reset-second-factors": 1, "end-all-sessions": 0 }[command];
    if (wanted === undefined) throw new Error(command ? `Unknown command: ${command}.` : "No command given.");
    if (args.length !== wanted)
      throw new Error(wanted ? `\`${command}\` takes one email.` : `\`${command}\` takes no arguments.`);
    if (!environments.includes(options.env)) throw new Error(`Unknown environment: ${options.env}.`);
    return { command, email: args[0]?.trim(), options };
  } catch ({ message }) {
    throw new Failure(message, usage);
  }
}

/**
 * Returns the database, with its name, a description and the arguments by which wrangler finds it.
 *
 * @param {{ env: string, remote: boolean, "persist-to"?: string }} options
 */
async function databaseFrom({ env, remote, "persist-to": state }) {
  if (!remote)
    return {
      name: "local",
      what: "the local database",
      place: ["DB", "--local", ...(state ? ["--persist-to", state] : [])],
    };
  const [{ database_name: name }] = (await configuration(env)).d1_databases;
  return { name, what: `the database ${name} of the deployment`, place: [name, "--remote"] };
}

async function resetPassword(database, typedEmail) {
  await build();
  const password = randomBytes(18).toString("base64url");
  const { email, passwordHash } = await firstAccount(typedEmail, password);
  const account = setPassword(database, email, passwordHash);
  say(`${email} (${account.role}) has a new password. It is shown only once:\n\n    ${password}\n`);
  console.log("  It must be changed after signing in. All sessions of the account have ended.");
  showOtherWays(account);
  if (!account.is_active)
    console.log("  The account is deactivated. Nobody can sign in with it until an admin activates it.");
}

/**
 * Returns the canonical form of an email and the hash of a password. The Worker makes both: they become its first account, in a
 * temporary database. The default account is the only one whose login name is not an email.
 */
function firstAccount(typedEmail, password) {
  const isEmail = typedEmail.includes("@");
  const settings = {
    ENVIRONMENT: "local",
    AUTH_SECRET: randomBytes(32).toString("base64url"),
    ADMIN_EMAIL: isEmail ? typedEmail : "admin@example.com",
    ADMIN_PASSWORD: password,
  };
  return withWorker(settings, async ({ database, failures, fetch }) => {
    const body = JSON.stringify({ email: settings.ADMIN_EMAIL, password });
    const answer = await fetch("/api/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    if (!answer.ok && settingsProblems(failures).some(({ setting }) => setting === "ADMIN_EMAIL"))
      throw new Failure(`${typedEmail} is not an email address.`, usage);
    if (!answer.ok)
      throw new Failure(
        `The Worker cannot hash the password: ${failures.join("\n") || answer.status}`,
        "`npm test` says more.",
      );
    const { email, password_hash: passwordHash } = await database
      .prepare("SELECT email, password_hash FROM users")
      .first();
    return { email: isEmail ? email : typedEmail.toLowerCase(), passwordHash };
  });
}

/** Sets the password, ends all sessions and writes the event. Returns the account. */
function setPassword(database, email, passwordHash) {
  const [now, user] = [Date.now(), `email = ${text(email)}`];
  const answers = execute(database, [
    `UPDATE users SET password_hash = ${text(passwordHash)}, must_change_password = 1, password_reset_id = NULL, updated_at = max(${now}, updated_at + 1) WHERE ${user} RETURNING role, is_active`,
    `DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE ${user})`,
    event(now, "password_reset_completed", user),
    `SELECT ${otherWays} FROM users WHERE ${user}`,
  ]);
  return found(answers, email, database);
}

async function resetSecondFactors(database, typedEmail) {
  await build();
  const { email } = await firstAccount(typedEmail, randomBytes(18).toString("base64url"));
  const account = removeSecondFactors(database, email);
  say(`${email} (${account.role}) has no second factor and no passkey. All sessions of the account have ended.`);
  if (account.password_hash === "")
    console.log("  The account has no password. Set one with `npm run admin -- reset-password`.");
  else console.log("  The password is enough to sign in until a second factor is set up again.");
  showOtherWays(account);
}

/** Removes all second factors, ends all sessions and writes the event. Returns the account. */
function removeSecondFactors(database, email) {
  const [now, user] = [Date.now(), `email = ${text(email)}`];
  const ofUser = `user_id = (SELECT id FROM users WHERE ${user})`;
  const answers = execute(database, [
    `UPDATE users SET second_factor = 0 WHERE ${user} RETURNING role, password_hash`,
    ...["totp", "passkeys", "recovery_codes", "sessions"].map((table) => `DELETE FROM ${table} WHERE ${ofUser}`),
    event(now, "second_factors_reset", user),
    `SELECT ${otherWays} FROM users WHERE ${user}`,
  ]);
  return found(answers, email, database);
}

/** Shows how else the account can be signed in to. After a takeover, not all of it may belong to the user. */
function showOtherWays({ passkeys, identities }) {
  const ways = [
    [passkeys, "passkeys"],
    [identities, "accounts at identity providers"],
  ].flatMap(([count, name]) => (count > 0 ? `${name} (${count})` : []));
  if (ways.length > 0)
    console.log(
      `  The account also opens with ${ways.join(" and ")}. The user and admins can remove them on its page.`,
    );
}

function text(value) {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Returns the statement that writes an event with the actor `operator`. Its time is never before that of the previous event. */
function event(now, action, user) {
  return `INSERT INTO events (at, action, result, actor_id, subject_id, address)
     SELECT max(${now}, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), 0)), '${action}', 'success', 'operator', id, 'terminal' FROM users WHERE ${user}`;
}

/** Returns the account that the first statement changed, merged with the row that the last statement selected. */
function found(answers, email, database) {
  const [[account], [others]] = [answers[0].results, answers.at(-1).results];
  if (account) return { ...account, ...others };
  throw new Failure(
    `There is no account ${email} in ${database.what}.`,
    "Nothing was changed. List the admins with `SELECT email FROM users WHERE role = 'admin'`.",
  );
}

async function endAllSessions(database, isConfirmed) {
  const [{ results }] = execute(database, [
    "SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM user_tokens) AS tokens",
  ]);
  const [{ sessions, tokens }] = results;
  say(
    `This ends all sessions, reset links, one-time passwords and user tokens in ${database.what}: ${sessions} sessions, ${tokens} user tokens.`,
  );
  console.log("  All users must sign in again, and pending invitations stop working. This cannot be undone.");
  if (!isConfirmed) await confirm(database.name);
  const sql = readFileSync(new URL("lib/end-all-sessions.sql", import.meta.url), "utf8").replace(/^--.*\n/gm, "");
  execute(database, [sql.trim()]);
  say("Done. The audit log has an event for it.");
}

async function confirm(name) {
  if (!canAsk)
    throw new Failure("Nothing was changed: there is no terminal to ask for confirmation.", "Add `--yes` to confirm.");
  if ((await askFor(`Type ${name} to confirm`)) === name) return;
  throw new Failure("Nothing was changed.", `Run it again and type ${name} to confirm.`);
}

/** Runs statements in one transaction. Returns the result of each. */
function execute({ what, place }, statements) {
  const said = ask("wrangler", ["d1", "execute", ...place, "--yes", "--json", "--command", statements.join("; ")]);
  if (said !== null) return JSON.parse(said);
  const advice = place.includes("--remote") ? "Sign in with `npx wrangler login`." : "Start it once with `npm start`.";
  throw new Failure(
    `wrangler cannot write to ${what}.`,
    `${advice} For details, run \`npx wrangler d1 execute ${place.join(" ")} --command 'SELECT 1'\`.`,
  );
}
