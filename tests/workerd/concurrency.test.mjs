// Fifty concurrent requests on the local D1 and KV. The winner is random, but exactly one must win, and the others must get
// the right error.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  adminToken,
  atOnce,
  link,
  login,
  mails,
  me,
  ok,
  refused,
  resetToken,
  send,
  sendOtp,
  signUp,
  tally,
  until,
  userToken,
  verifyOtp,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

const MANY = 50;

/** The index of the only successful request. */
function winner(answers) {
  const winners = answers.flatMap(({ status }, number) => (status === 200 ? [number] : []));
  assert.equal(winners.length, 1, JSON.stringify(tally(answers)));
  return winners[0];
}

// Must be the first test, because it needs an empty database.
test("the first account is created once despite concurrent requests", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => login(postern, "admin", "admin")));
  assert.deepEqual(tally(answers), { 200: 20 });
  assert.equal((await postern.sql("SELECT id FROM users")).length, 1);
});

// Several times, because the overlap of requests is random.
const rounds = [1, 2, 3];

test("a reset link works once", async () => {
  for (const round of rounds) {
    const { user } = await signUp(postern, `reset${round}@example.com`);
    const reset = await resetToken(postern, user.email);
    const password = (number) => `a good password, number ${number}`;
    const answers = await atOnce(postern, MANY, (number) => [
      "POST",
      "/api/auth/reset-password-with-token",
      { token: reset, json: { password: password(number) } },
    ]);
    assert.deepEqual(tally(answers), { 200: 1, "401 invalid_token": MANY - 1 });
    ok(await login(postern, user.email, password(winner(answers))));
  }
});

test("the right code works once", async () => {
  for (const round of rounds) {
    const session = await signUp(postern, `right${round}@example.com`);
    const { token, code } = await sendOtp(postern, session);
    const answers = await atOnce(postern, MANY, () => ["POST", "/api/auth/verify-otp", { form: { otp: code, token } }]);
    assert.deepEqual(tally(answers), { 200: 1, "403 otp_token_refused": MANY - 1 });
    assert.equal(ok(await me(postern, session.token)).is_verified, true);
  }
});

test("of many concurrently requested reset links only the newest works", async () => {
  const { user } = await signUp(postern, "links@example.com");
  const json = { email: user.email };
  const answers = await atOnce(postern, MANY, () => ["POST", "/api/auth/send-password-reset-link", { json }]);
  assert.deepEqual(tally(answers), { 200: 10, "429 too_many_requests": MANY - 10 });
  // The queue is empty: each of the ten mails was sent, or dropped because a newer link was requested.
  await until(async () => (await postern.sql("SELECT id FROM mails")).length === 0);
  const tokens = (await mails(postern, user.email)).map((mail) => link(mail).searchParams.get("token"));
  const alive = (await Promise.all(tokens.map((token) => me(postern, token)))).filter(({ status }) => status === 200);
  assert.equal(alive.length, 1, `${tokens.length} links`);
});

test("a code allows five guesses and no more", async () => {
  const session = await signUp(postern, "wrong@example.com");
  const { token, code } = await sendOtp(postern, session);
  const guesses = await atOnce(postern, MANY, (number) => {
    const guess = String(number).padStart(6, "0");
    return ["POST", "/api/auth/verify-otp", { form: { otp: guess === code ? "999999" : guess, token } }];
  });
  assert.deepEqual(tally(guesses), { "403 wrong_otp": 5, "403 otp_token_refused": MANY - 5 });
  refused(await verifyOtp(postern, code, token), 403, "otp_token_refused");
  const [{ guesses: counted }] = await postern.sql(
    "SELECT guesses FROM one_time_passwords WHERE user_id = ?",
    session.user.id,
  );
  assert.equal(counted, 5);
});

test("one code is sent, and its token is the one that works", async () => {
  const { token, user } = await signUp(postern, "sends@example.com");
  const answers = await atOnce(postern, MANY, () => ["POST", "/api/auth/me/send-otp", { token }]);
  assert.deepEqual(tally(answers), { 200: 1, "429 too_many_requests": MANY - 1 });
  const sent = await mails(postern, user.email);
  assert.equal(sent.length, 1);
  const code = sent[0].text.match(/\b\d{6}\b/)[0];
  ok(await verifyOtp(postern, code, answers[winner(answers)].body.token));
});

test("an email has one account", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  const json = (number) => ({ referrer, email: "ada@example.com", password: PASSWORD, name: `Ada ${number}` });
  const answers = await atOnce(postern, MANY, (number) => ["POST", "/api/auth/signup", { json: json(number) }]);
  assert.deepEqual(tally(answers), { 200: 1, "409 email_taken": MANY - 1 });
  const users = await postern.sql("SELECT id, name FROM users WHERE email = 'ada@example.com'");
  assert.deepEqual(users, [{ id: answers[winner(answers)].body.user.id, name: `Ada ${winner(answers)}` }]);
  assert.equal((await postern.sql("SELECT id FROM sessions WHERE user_id = ?", users[0].id)).length, 1);
});

test("of concurrent wrong passwords for one account twenty are checked and all are counted", async () => {
  await signUp(postern, "guessed@example.com");
  const before = new Set((await postern.sql("SELECT key FROM throttles")).map(({ key }) => key));
  const address = "192.0.2.1";
  const json = { email: "guessed@example.com", password: "wrong password" };
  const answers = await atOnce(postern, MANY, () => ["POST", "/api/auth/login", { json, address }]);
  assert.deepEqual(tally(answers), { "401 wrong_credentials": 20, "429 too_many_requests": MANY - 20 });
  const counters = (await postern.sql("SELECT key, attempts FROM throttles")).filter(({ key }) => !before.has(key));
  // The account's counter has the checked guesses, the address's counter all of them. The other counters belong to the
  // requests that keep the isolate busy, one each.
  const attempts = counters.map(({ attempts }) => attempts).sort((a, b) => b - a);
  assert.deepEqual(
    attempts.filter((attempts) => attempts > 1),
    [MANY, 20],
  );
  refused(await login(postern, "guessed@example.com", PASSWORD, { address }), 429, "too_many_requests");
});

test("a user can have 200 active tokens and no more", async () => {
  const { token, user } = await signUp(postern, "hoarder@example.com");
  /** @returns {[method: string, path: string, options: object]} */
  const create = () => ["POST", "/api/auth/me/create-token", { token }];
  for (let round = 0; round < 4; round += 1) assert.deepEqual(tally(await atOnce(postern, 45, create)), { 200: 45 });
  assert.deepEqual(tally(await atOnce(postern, MANY, create)), { 200: 20, "409 too_many_tokens": 30 });
  const [{ live }] = await postern.sql("SELECT count(*) AS live FROM user_tokens WHERE user_id = ?", user.id);
  assert.equal(live, 200);
  assert.equal(
    new Set(ok(await send(postern, "GET", "/api/auth/me/tokens", { token })).map(({ token }) => token)).size,
    200,
  );
});

test("of concurrent password changes one succeeds, and only its session continues", async () => {
  const { token, user } = await signUp(postern, "changes@example.com");
  const sessions = [token, ok(await login(postern, user.email)).token];
  const password = (number) => `a good password, number ${number}`;
  const answers = await atOnce(postern, MANY, (number) => {
    const json = { old_password: PASSWORD, new_password: password(number) };
    return ["PUT", "/api/auth/me/password", { token: sessions[number % 2], json }];
  });
  const kinds = tally(answers);
  const allowed = ["200", "401 invalid_token", "403 wrong_password", "429 too_many_requests"];
  assert.deepEqual(
    Object.keys(kinds).filter((kind) => !allowed.includes(kind)),
    [],
    JSON.stringify(kinds),
  );
  const won = winner(answers);
  ok(await me(postern, sessions[won % 2]));
  refused(await me(postern, sessions[(won + 1) % 2]), 401, "invalid_token");
  // Skips the wait caused by the others, whose old password was wrong by then.
  await postern.sql("DELETE FROM throttles");
  ok(await login(postern, user.email, password(won)));
});

test("two admins who deactivate themselves concurrently leave one admin", async () => {
  const first = await adminToken(postern);
  const second = await signUp(postern, "second-admin@example.com");
  await postern.sql("UPDATE users SET role = 'admin' WHERE id = ?", second.user.id);
  const answers = await atOnce(postern, MANY, (number) => [
    "DELETE",
    "/api/auth/me",
    { token: number % 2 ? first : second.token },
  ]);
  const kinds = tally(answers);
  assert.ok(kinds["200"] >= 1 && kinds["409 last_admin"] >= 1, JSON.stringify(kinds));
  const active = await postern.sql("SELECT id FROM users WHERE role = 'admin' AND is_active = 1");
  assert.equal(active.length, 1);
});

test("none of this logged an outage", () => {
  assert.deepEqual(postern.logs(), []);
});
