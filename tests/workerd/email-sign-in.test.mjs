// Sign-in by email and sign-up without an invitation, on workerd.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addPasskey, emailCode, login, mail, me, ok, refused, send, signUp, userToken } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const verify = (json, path = "login/email/verify") => send(postern, "POST", `/api/auth/${path}`, { json });

let postern;
before(async () => {
  postern = await startPostern({ settings: { SIGN_UP: "open" } });
});
after(() => postern?.stop());

async function verified(email) {
  const session = await signUp(postern, email);
  await postern.sql("UPDATE users SET is_verified = 1 WHERE id = ?", session.user.id);
  return session;
}

test("of fifty requests with one code at once, one signs in", async () => {
  await verified("fifty@example.com");
  const json = await emailCode(postern, "fifty@example.com");
  const answers = await Promise.all(Array.from({ length: 50 }, () => verify(json)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  const [{ sessions }] = await postern.sql(
    "SELECT count(*) AS sessions FROM sessions JOIN users ON users.id = user_id WHERE email = 'fifty@example.com'",
  );
  // The other one is from the sign-up.
  assert.equal(sessions, 2);
});

test("twenty wrong codes at once end a code, and the link still signs in", async () => {
  await verified("guess@example.com");
  const { token, code } = await emailCode(postern, "guess@example.com");
  const wrong = code === "123456" ? "654321" : "123456";
  const answers = await Promise.all(Array.from({ length: 20 }, () => verify({ token, code: wrong })));
  for (const answer of answers) refused(answer, 401, "wrong_code");
  refused(await verify({ token, code }), 401, "wrong_code");
  const { text } = await mail(postern, "guess@example.com", /sign-in code/);
  const parameters = new URLSearchParams(text.match(/signin#(\S+)/)[1]);
  assert.equal(parameters.get("code"), code);
  ok(await verify({ token, secret: parameters.get("secret") }));
});

test("who proves an unverified email gets the account without anything that was set up before", async () => {
  const attacker = await signUp(postern, "victim@example.com", "the attacker's password");
  await addPasskey(postern, attacker.token);
  const invitation = await userToken(postern, attacker.token);
  const { token, user } = ok(await verify(await emailCode(postern, "victim@example.com")));
  assert.deepEqual([user.id, user.is_verified], [attacker.user.id, true]);
  ok(await me(postern, token));
  refused(await me(postern, attacker.token), 401, "invalid_token");
  refused(await login(postern, "victim@example.com", "the attacker's password"), 401, "wrong_credentials");
  assert.equal(ok(await send(postern, "POST", "/api/auth/verify-token", { json: { token: invitation } })), false);
  const security = ok(await send(postern, "GET", "/api/auth/me/security", { token }));
  assert.deepEqual([security.has_password, security.passkeys], [false, 0]);
});

test("the database ends everything of a claimed account, whatever statement claims it", async () => {
  const { token, user } = await signUp(postern, "claimed@example.com");
  await addPasskey(postern, token);
  await userToken(postern, token);
  await postern.sql("UPDATE users SET claimed_at = 1 WHERE id = ?", user.id);
  for (const table of ["sessions", "passkeys", "user_tokens"]) {
    const rows = await postern.sql(`SELECT user_id FROM ${table} WHERE user_id = ?`, user.id);
    assert.deepEqual(rows, [], table);
  }
});

test("a sign-up without an invitation proves the email first", async () => {
  const json = { email: "new@example.com", password: "a good password", name: "Newton" };
  const answer = await send(postern, "POST", "/api/auth/signup", { json });
  assert.equal(answer.status, 202);
  refused(await login(postern, json.email, json.password), 401, "wrong_credentials");
  const { text } = await mail(postern, json.email, /sign-up code/);
  const secret = new URLSearchParams(text.match(/signup#(\S+)/)[1]).get("secret");
  const { user } = ok(await verify({ token: answer.body.token, secret }, "signup/verify"));
  assert.deepEqual([user.email, user.name, user.is_verified], [json.email, "Newton", true]);
  ok(await login(postern, json.email, json.password));
});

test("the pages of the links exist and get nothing of what follows the #", async () => {
  await verified("scanned@example.com");
  await emailCode(postern, "scanned@example.com");
  const { text } = await mail(postern, "scanned@example.com", /sign-in code/);
  const { pathname, search, hash } = new URL(text.match(/https?:\/\/\S+#\S+/)[0]);
  assert.deepEqual([pathname, search, hash.startsWith("#id=")], ["/signin", "", true]);
  const before = await postern.sql("SELECT count(*) AS spent FROM spent");
  for (const method of ["GET", "HEAD"]) {
    const page = await postern.fetch(pathname, { method });
    assert.equal(page.status, 200);
  }
  assert.deepEqual(await postern.sql("SELECT count(*) AS spent FROM spent"), before);
});
