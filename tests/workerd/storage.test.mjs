// Behavior of D1 and KV: atomic batches, foreign keys, the trigger, large numbers, and KV records that reappear or outlive their
// expiry.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  adminToken,
  login,
  me,
  ok,
  refused,
  resetPassword,
  resetToken,
  send,
  sendOtp,
  signUp,
  until,
  userToken,
  verifyOtp,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  // The shortest lifetimes that the settings allow, given KV's minimum of 60 seconds.
  postern = await startPostern({ settings: { OTP_LIFETIME_SECONDS: "60", RESET_TOKEN_LIFETIME_SECONDS: "60" } });
});
after(() => postern?.stop());

/** Returns all rows of a table, to check that nothing was written. */
async function rows(table) {
  return await postern.sql(`SELECT * FROM ${table} ORDER BY 1`);
}

/** Makes D1 reject one kind of write while `work` runs. */
async function whileRefusing(write, work) {
  await postern.sql(`CREATE TRIGGER refusal BEFORE ${write} BEGIN SELECT RAISE(ABORT, 'refused by the test'); END`);
  try {
    return await work();
  } finally {
    await postern.sql("DROP TRIGGER refusal");
  }
}

test("a sign-up whose session cannot be stored leaves no account", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  const before = await rows("users");
  const json = { referrer, email: "half@example.com", password: PASSWORD };
  const answer = await whileRefusing("INSERT ON sessions", () => send(postern, "POST", "/api/auth/signup", { json }));
  const { error } = refused(answer, 503, "unavailable");
  assert.ok(error.includes(answer.headers.get("x-request-id")), error);
  // The id is random and may contain "D1".
  assert.doesNotMatch(error.replace(answer.headers.get("x-request-id"), ""), /refused by the test|SQL|D1|sessions/i);
  const log = postern.logs().at(-1);
  assert.match(log, new RegExp(`${answer.headers.get("x-request-id")}.*/api/auth/signup 503.*refused by the test`));
  assert.ok(!log.includes("half@example.com") && !log.includes(PASSWORD) && !log.includes(referrer), log);
  assert.deepEqual(await rows("users"), before);
  ok(await send(postern, "POST", "/api/auth/signup", { json }));
});

test("a login that cannot be completed leaves no session and removes no attempt", async () => {
  const { user } = await signUp(postern, "login@example.com");
  refused(await login(postern, user.email, "wrong password"), 401, "wrong_credentials");
  const [sessions, throttles] = [await rows("sessions"), await rows("throttles")];
  const refusal = "UPDATE ON throttles WHEN new.attempts < old.attempts";
  const answer = await whileRefusing(refusal, () => login(postern, user.email));
  refused(answer, 503, "unavailable");
  assert.deepEqual(await rows("sessions"), sessions);
  // The attempt was counted before it was checked.
  const attempts = (rows) => rows.reduce((sum, row) => sum + row.attempts, 0);
  assert.equal(attempts(await rows("throttles")), attempts(throttles) + 2);
});

test("a password change that cannot end the other sessions does not change the password", async () => {
  const { token, user } = await signUp(postern, "whole@example.com");
  const other = ok(await login(postern, user.email)).token;
  const json = { old_password: PASSWORD, new_password: "another good password" };
  const before = await rows("users");
  const answer = await whileRefusing("DELETE ON sessions", () =>
    send(postern, "PUT", "/api/auth/me/password", { token, json }),
  );
  refused(answer, 503, "unavailable");
  assert.deepEqual(await rows("users"), before);
  ok(await me(postern, other));
  ok(await login(postern, user.email));
});

test("a reset that cannot end the sessions leaves the password and the link unchanged", async () => {
  const { user } = await signUp(postern, "whole-reset@example.com");
  const reset = await resetToken(postern, user.email);
  const answer = await whileRefusing("DELETE ON sessions", () =>
    resetPassword(postern, reset, "another good password"),
  );
  refused(answer, 503, "unavailable");
  ok(await login(postern, user.email));
  ok(await resetPassword(postern, reset, "another good password"));
});

test("a code whose use cannot be recorded verifies nothing and stays valid", async () => {
  const session = await signUp(postern, "whole-otp@example.com");
  const { token, code } = await sendOtp(postern, session);
  const refusal = "UPDATE OF generation ON one_time_passwords";
  refused(await whileRefusing(refusal, () => verifyOtp(postern, code, token)), 503, "unavailable");
  assert.equal(ok(await me(postern, session.token)).is_verified, false);
  ok(await verifyOtp(postern, code, token));
});

test("a transient D1 error is retried", async () => {
  const { token } = await signUp(postern, "patient@example.com");
  const requests = 100;
  let done = 0;
  // Each run of the statement fails with a chance of 1/2, so a request with three attempts fails with a chance of 1/8.
  await postern.sql(
    `CREATE TRIGGER refusal BEFORE UPDATE OF name ON users WHEN random() % 2 = 0
     BEGIN SELECT RAISE(ABORT, 'Network connection lost.'); END`,
  );
  try {
    for (let number = 0; number < requests; number += 1) {
      const answer = await send(postern, "PUT", "/api/auth/me/name", { token, json: { name: `Ada ${number}` } });
      if (answer.status === 200) done += 1;
      else refused(answer, 503, "unavailable");
    }
  } finally {
    await postern.sql("DROP TRIGGER refusal");
  }
  assert.ok(done > 0.7 * requests && done < requests, `${done} of ${requests}`);
});

test("D1 has no orphaned rows", async () => {
  const { id } = (await signUp(postern, "orphan@example.com")).user;
  for (const [table, owner] of [
    ["user_tokens", "user_id"],
    ["sessions", "user_id"],
    ["users", "referrer_id"],
  ]) {
    assert.ok((await rows(table)).length > 0);
    await assert.rejects(postern.sql(`UPDATE ${table} SET ${owner} = 'nobody'`), /FOREIGN KEY/, table);
  }
  const owned = () => postern.sql("SELECT id FROM sessions WHERE user_id = ?", id);
  assert.equal((await owned()).length, 1);
  await postern.sql("DELETE FROM users WHERE id = ?", id);
  assert.equal((await owned()).length, 0);
});

test("an account survives the deletion of its referrer", async () => {
  const inviter = await signUp(postern, "inviter@example.com");
  const referrer = await userToken(postern, inviter.token);
  const json = { referrer, email: "invitee@example.com", password: PASSWORD };
  const { token, user } = ok(await send(postern, "POST", "/api/auth/signup", { json }));
  assert.equal(user.referrer_id, inviter.user.id);
  await postern.sql("DELETE FROM users WHERE id = ?", inviter.user.id);
  assert.equal(ok(await me(postern, token)).referrer_id, null);
});

test("a reactivated account does not regain its sessions or its reset link", async () => {
  const { token, user } = await signUp(postern, "again@example.com");
  const reset = await resetToken(postern, user.email);
  await postern.sql("UPDATE users SET is_active = 0 WHERE id = ?", user.id);
  refused(await me(postern, token), 403, "inactive");
  await postern.sql("UPDATE users SET is_active = 1 WHERE id = ?", user.id);
  for (const dead of [token, reset]) refused(await me(postern, dead), 401, "invalid_token");
  ok(await login(postern, user.email));
});

test("a time far beyond 2^31 is stored exactly", async () => {
  const { token, user } = await signUp(postern, "time@example.com");
  const last = Number.MAX_SAFE_INTEGER;
  await postern.sql("UPDATE users SET created_at = ? WHERE id = ?", last, user.id);
  assert.equal(ok(await me(postern, token)).created_at, last);

  const json = { expires_in_days: 365 };
  ok(await send(postern, "POST", "/api/auth/me/create-token", { token, json }));
  const [made] = ok(await send(postern, "GET", "/api/auth/me/tokens", { token }));
  assert.equal(made.expires_at - made.created_at, 365 * 86_400_000);
  const [stored] = await postern.sql(
    "SELECT typeof(expires_at) AS type, expires_at FROM user_tokens WHERE user_id = ?",
    user.id,
  );
  assert.deepEqual(stored, { type: "integer", expires_at: made.expires_at });
});

test("KV keeps the shortest-lived records for a minute, under keys that reveal nothing", async () => {
  const session = await signUp(postern, "floor@example.com");
  const { token, code } = await sendOtp(postern, session);
  const reset = await resetToken(postern, session.user.email);
  const { keys } = await postern.kv.list();
  const [otp, link] = ["otp:", "reset:"].map((kind) => keys.filter(({ name }) => name.startsWith(kind)));
  assert.ok(otp.length > 0 && link.length > 0, JSON.stringify(keys));
  for (const { name, expiration } of keys) {
    assert.match(name, /^(otp:[\w-]{43}|reset:[0-9a-f-]{36})$/);
    assert.ok(expiration * 1000 <= Date.now() + 61_000, name);
    const value = await postern.kv.get(name);
    for (const secret of [token, code, reset, session.user.email])
      assert.ok(!`${name}${value}`.includes(secret), value);
  }
  ok(await me(postern, reset));
  ok(await verifyOtp(postern, code, token));
});

test("a record that KV keeps too long is rejected", async () => {
  const session = await signUp(postern, "late@example.com");
  const { token, code } = await sendOtp(postern, session);
  const reset = await resetToken(postern, session.user.email);
  for (const { name } of (await postern.kv.list()).keys) {
    const record = JSON.parse(await postern.kv.get(name));
    assert.ok(record.expires_at > Date.now());
    await postern.kv.put(name, JSON.stringify({ ...record, expires_at: Date.now() - 1 }));
  }
  refused(await verifyOtp(postern, code, token), 403, "otp_token_refused");
  refused(await resetPassword(postern, reset, "another good password"), 401, "invalid_token");
});

test("a used record that reappears in KV is rejected", async () => {
  const session = await signUp(postern, "replay@example.com");
  const { token, code } = await sendOtp(postern, session);
  const reset = await resetToken(postern, session.user.email);
  const kept = new Map();
  for (const { name } of (await postern.kv.list()).keys) kept.set(name, await postern.kv.get(name));

  ok(await verifyOtp(postern, code, token));
  ok(await resetPassword(postern, reset, "another good password"));
  // Both records are deleted after the response.
  const mine = [...kept].filter(([, value]) => value.includes(session.user.id)).map(([name]) => name);
  assert.equal(mine.length, 2);
  await until(async () =>
    (await Promise.all(mine.map((name) => postern.kv.get(name)))).every((value) => value === null),
  );

  for (const name of mine) await postern.kv.put(name, kept.get(name));
  refused(await verifyOtp(postern, code, token), 403, "otp_token_refused");
  refused(await resetPassword(postern, reset, "a third good password"), 401, "invalid_token");
  refused(await me(postern, reset), 401, "invalid_token");
});

test("stored data survives a restart", async () => {
  const { token, user } = await signUp(postern, "restart@example.com");
  const reset = await resetToken(postern, user.email);
  await postern.restart();
  assert.deepEqual(ok(await me(postern, token)), user);
  ok(await resetPassword(postern, reset, "another good password"));
});

test("GET /health answers 503 if D1 lacks tables of this build", async () => {
  await postern.sql("ALTER TABLE users RENAME TO users_elsewhere");
  const answer = await send(postern, "GET", "/health");
  await postern.sql("ALTER TABLE users_elsewhere RENAME TO users");
  refused(answer, 503, "unavailable");
  ok(await send(postern, "GET", "/health"));
});
