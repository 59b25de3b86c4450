// `npm run admin` with the real wrangler, on the database of a running Worker.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  PASSWORD,
  login,
  me,
  ok,
  refused,
  resetPassword,
  resetToken,
  send,
  sendOtp,
  userToken,
  verifyOtp,
} from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";

let postern;
let folder;
before(async () => {
  postern = await startPostern({ settings: { DEFAULT_ADMIN: "restricted" } });
  const json = { old_password: "admin", new_password: PASSWORD };
  const { token } = ok(await login(postern, "admin", "admin"));
  ok(await send(postern, "PUT", "/api/auth/me/password", { token, json }));
  // The folder in which wrangler expects the local state.
  folder = await mkdtemp(join(tmpdir(), "postern-admin-"));
  await symlink(postern.state, join(folder, "v3"));
});
after(async () => {
  await postern?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function admin(...args) {
  const script = fileURLToPath(new URL("../../scripts/admin.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const [code] = await once(child, "close");
  return { code, said };
}

test("an admin who is locked out gets a password that only allows to choose a new one", async () => {
  const { token: before } = ok(await login(postern, "admin", PASSWORD));
  const { code, said } = await admin("reset-password", " Admin ", "--persist-to", folder);
  assert.equal(code, 0, said);
  const [, password] = said.match(/^ {4}([\w-]{24})$/m);

  refused(await me(postern, before), 401, "invalid_token");
  refused(await login(postern, "admin", PASSWORD), 401, "wrong_credentials");
  const { token, must_change_password } = ok(await login(postern, "admin", password));
  assert.equal(must_change_password, true);
  refused(await send(postern, "POST", "/api/auth/me/create-token", { token }), 403, "password_change_required");
  const json = { old_password: password, new_password: "another good password" };
  ok(await send(postern, "PUT", "/api/auth/me/password", { token, json }));
  ok(await send(postern, "POST", "/api/auth/me/create-token", { token }));
  refused(await login(postern, "admin", password), 401, "wrong_credentials");
  assert.doesNotMatch(said, /argon2/);
});

test("a reset changes only the given account", async () => {
  const admins = ok(await login(postern, "admin", "another good password")).token;
  const referrer = ok(await send(postern, "POST", "/api/auth/me/create-token", { token: admins })).token;
  const emails = ["o'brien@example.com", "ada@example.com"];
  for (const email of emails) {
    ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password: PASSWORD } }));
  }
  const { code, said } = await admin("reset-password", emails[0], "--persist-to", folder);
  assert.equal(code, 0, said);
  refused(await login(postern, emails[0], PASSWORD), 401, "wrong_credentials");
  ok(await login(postern, emails[1], PASSWORD));
  ok(await me(postern, admins));
});

test("an email follows the rules of the Worker", async () => {
  const { token: referrer } = ok(
    await send(postern, "POST", "/api/auth/me/create-token", {
      token: ok(await login(postern, "admin", "another good password")).token,
    }),
  );
  for (const email of ["ada@müller.example", "kate@example.com"]) {
    ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password: PASSWORD } }));
  }
  const reset = await admin("reset-password", "Ada@MÜLLER.example", "--persist-to", folder);
  assert.equal(reset.code, 0, reset.said);
  refused(await login(postern, "ada@xn--mller-kva.example", PASSWORD), 401, "wrong_credentials");

  // U+212A: toLowerCase of JavaScript returns `k`.
  const lookAlike = await admin("reset-password", "\u212aate@example.com", "--persist-to", folder);
  assert.equal(lookAlike.code, 1, lookAlike.said);
  assert.match(lookAlike.said, /is not an email address/);
  ok(await login(postern, "kate@example.com", PASSWORD));
});

test("a new password works from an address that was blocked for wrong guesses", async () => {
  const guess = () => login(postern, "ada@example.com", "wrong password");
  const statuses = [];
  while (statuses.length < 21) statuses.push((await guess()).status);
  assert.deepEqual(statuses, [...Array(20).fill(401), 429]);
  const { code, said } = await admin("reset-password", "ada@example.com", "--persist-to", folder);
  assert.equal(code, 0, said);
  const [, password] = said.match(/^ {4}([\w-]{24})$/m);
  ok(await login(postern, "ada@example.com", password));
});

test("the event of a password reset names the operator, to admins and to the user", async () => {
  const { code, said } = await admin("reset-password", "ada@example.com", "--persist-to", folder);
  assert.equal(code, 0, said);
  const [, password] = said.match(/^ {4}([\w-]{24})$/m);
  const { token, user } = ok(await login(postern, "ada@example.com", password));
  const json = { old_password: password, new_password: PASSWORD };
  ok(await send(postern, "PUT", "/api/auth/me/password", { token, json }));
  const admins = ok(await login(postern, "admin", "another good password")).token;
  for (const [reader, path, email] of [
    [token, "me/events", "ada@example.com"],
    [admins, `admin/events?user=${user.id}`, "ada@example.com"],
  ]) {
    const { items } = ok(await send(postern, "GET", `/api/auth/${path}`, { token: reader }));
    const event = items.find(({ action, actor }) => action === "password_reset_completed" && actor);
    assert.deepEqual(
      [event.result, event.actor, event.subject],
      ["success", { id: "operator", email: null }, { id: user.id, email }],
      path,
    );
  }
  const [{ at }, { at: before }] = await postern.sql("SELECT at FROM events ORDER BY id DESC LIMIT 2");
  assert.ok(at >= before);
});

test("a user who has lost the second factors signs in with the password after a reset, and others keep theirs", async () => {
  const users = await Promise.all(
    ["ada@example.com", "kate@example.com"].map(async (email) => ok(await login(postern, email, PASSWORD)).user),
  );
  for (const { id } of users) {
    await postern.sql(
      "INSERT INTO totp (user_id, key_id, sealed, created_at, confirmed_at) VALUES (?, 'key', 'sealed', 1, 1)",
      id,
    );
    await postern.sql(
      `INSERT INTO passkeys (credential_id, id, user_id, algorithm, public_key, sign_count, is_backup_eligible, is_synced,
       aaguid, transports, name, created_at) VALUES (?1, ?1, ?1, -7, 'key', 0, 0, 0, 'model', '[]', 'Phone', 1)`,
      id,
    );
    await postern.sql("UPDATE users SET second_factor = 1 WHERE id = ?", id);
    await postern.sql("INSERT INTO recovery_codes VALUES (?1, ?1, 'key', 'sealed', 1)", id);
    await postern.sql(
      "INSERT INTO sessions (id, user_id, created_at, expires_at, level) VALUES (?1, ?1, 1, 9000000000000, 2)",
      id,
    );
  }
  for (const { email } of users) refused(await login(postern, email, PASSWORD), 403, "second_factor_required");
  await postern.sql(
    "INSERT INTO identities (issuer, subject, id, user_id, provider, created_at) VALUES ('https://op.example', '1', '1', ?, 'acme', 1)",
    users[0].id,
  );

  const { code, said } = await admin("reset-second-factors", " ADA@example.com", "--persist-to", folder);
  assert.equal(code, 0, said);
  assert.match(said, /The account also opens with accounts at identity providers \(1\)\./);
  for (const table of ["totp", "passkeys", "recovery_codes", "sessions"]) {
    const left = await postern.sql(`SELECT user_id FROM ${table} WHERE user_id IN (?, ?)`, users[0].id, users[1].id);
    assert.deepEqual(left, [{ user_id: users[1].id }], table);
  }
  ok(await login(postern, "ada@example.com", PASSWORD));
  refused(await login(postern, "kate@example.com", PASSWORD), 403, "second_factor_required");

  const events = "SELECT result, actor_id, subject_id, address FROM events WHERE action = 'second_factors_reset'";
  assert.deepEqual(await postern.sql(events), [
    { result: "success", actor_id: "operator", subject_id: users[0].id, address: "terminal" },
  ]);
});

test("a reset of the second factors of an account without a password says how to set one", async () => {
  await postern.sql("UPDATE users SET password_hash = '' WHERE email = 'kate@example.com'");
  const { code, said } = await admin("reset-second-factors", "kate@example.com", "--persist-to", folder);
  assert.equal(code, 0, said);
  assert.match(said, /has no password.*npm run admin -- reset-password/);
});

test("end-all-sessions ends every session, link, code and user token once it is confirmed", async () => {
  const admins = ok(await login(postern, "admin", "another good password")).token;
  const referrer = await userToken(postern, admins);
  const otp = await sendOtp(postern, ok(await login(postern, "ada@example.com", PASSWORD)));
  const reset = await resetToken(postern, "ada@example.com");
  const live = async () => {
    const [row] =
      await postern.sql(`SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM user_tokens) AS tokens,
      (SELECT count(*) FROM users WHERE password_reset_id IS NOT NULL) AS links, (SELECT count(*) FROM one_time_passwords WHERE generation IS NOT NULL) AS codes,
      (SELECT count(*) FROM events) AS events`);
    return row;
  };
  const before = await live();
  for (const what of ["sessions", "tokens", "links", "codes"]) assert.ok(before[what] > 0, what);

  const unconfirmed = await admin("end-all-sessions", "--persist-to", folder);
  assert.equal(unconfirmed.code, 1, unconfirmed.said);
  assert.match(unconfirmed.said, /Nothing was changed: .*\n.*--yes/);
  assert.deepEqual(await live(), before);
  ok(await me(postern, admins));

  const { code, said } = await admin("end-all-sessions", "--yes", "--persist-to", folder);
  assert.equal(code, 0, said);
  assert.match(said, new RegExp(`${before.sessions} sessions, ${before.tokens} user tokens`));
  assert.deepEqual(await live(), { sessions: 0, tokens: 0, links: 0, codes: 0, events: before.events + 1 });
  const [event] = await postern.sql(
    "SELECT action, result, actor_id, subject_id, address FROM events ORDER BY id DESC LIMIT 1",
  );
  assert.deepEqual(event, {
    action: "sessions_ended",
    result: "success",
    actor_id: "operator",
    subject_id: null,
    address: "terminal",
  });

  refused(await me(postern, admins), 401, "invalid_token");
  refused(await resetPassword(postern, reset, "yet another password"), 401, "invalid_token");
  const signup = { referrer, email: "eve@example.com", password: PASSWORD };
  refused(await send(postern, "POST", "/api/auth/signup", { json: signup }), 403, "referrer_refused");
  refused(await verifyOtp(postern, otp.code, otp.token), 403, "otp_token_refused");
  ok(await login(postern, "ada@example.com", PASSWORD));
});

test("unknown accounts and commands are rejected and change nothing", async () => {
  const users = await postern.sql("SELECT * FROM users ORDER BY id");
  const unknown = await admin("reset-password", "nobody@example.com", "--persist-to", folder);
  assert.equal(unknown.code, 1);
  assert.match(unknown.said, /There is no account nobody@example\.com/);
  const withoutFactors = await admin("reset-second-factors", "nobody@example.com", "--persist-to", folder);
  assert.match(withoutFactors.said, /There is no account nobody@example\.com/);
  for (const args of [
    [],
    ["reset-password"],
    ["reset-second-factors"],
    ["reset", "admin"],
    ["reset-password", "admin", "--env", "elsewhere"],
    ["end-all-sessions", "admin", "--yes"],
  ]) {
    const { code, said } = await admin(...args);
    assert.equal(code, 1, said);
    assert.match(said, /npm run admin -- reset-password EMAIL/);
  }
  assert.deepEqual(await postern.sql("SELECT * FROM users ORDER BY id"), users);
});
