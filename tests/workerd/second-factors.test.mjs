// Second factors and passkeys on the real runtime: triggers of the local D1, signatures by WebCrypto, and concurrent requests.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Authenticator, algorithms } from "./support/authenticator.mjs";
import {
  PASSWORD,
  addPasskey,
  atOnce,
  login,
  me,
  ok,
  passkeySignIn,
  refused,
  send,
  signUp,
  tally,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";
import { totp } from "./support/totp.mjs";

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

const MANY = 50;

const post = (path, options) => send(postern, "POST", `/api/auth${path}`, options);

/** Signs up a user with an authenticator app. */
async function withTotp(email) {
  const user = await signUp(postern, email);
  const { secret } = ok(await post("/me/totp", { token: user.token }));
  const json = { code: totp(secret, -1) };
  const { recovery_codes } = ok(await send(postern, "PUT", "/api/auth/me/totp", { token: user.token, json }));
  return { ...user, secret, recoveryCodes: recovery_codes };
}

/** The first step of a sign-in: its token. */
async function firstStep(email) {
  const answer = await login(postern, email);
  refused(answer, 403, "second_factor_required");
  return answer.body.detail.token;
}

test("the database refuses a session below the level of its user, whatever statement starts it", async () => {
  const { user } = await signUp(postern, "trigger@example.com");
  await postern.sql("UPDATE users SET second_factor = 1 WHERE id = ?", user.id);
  const count = async () =>
    (await postern.sql("SELECT count(*) AS number FROM sessions WHERE user_id = ?", user.id))[0].number;
  assert.equal(await count(), 0);
  const insert = "INSERT INTO sessions (id, user_id, created_at, expires_at, level) VALUES (?, ?, 1, 9000000000000, ?)";
  await postern.sql(insert, "weak", user.id, 1);
  assert.equal(await count(), 0);
  refused(await login(postern, user.email), 403, "second_factor_required");
  assert.equal(await count(), 0);
  await postern.sql(insert, "strong", user.id, 2);
  assert.equal(await count(), 1);
});

test("a sign-in with a code takes two steps, and ends in a session of level 2", async () => {
  const { user, secret } = await withTotp("steps@example.com");
  const token = await firstStep(user.email);
  const session = ok(await post("/login/second-factor", { json: { token, code: totp(secret) } }));
  const security = ok(await send(postern, "GET", "/api/auth/me/security", { token: session.token }));
  assert.deepEqual([security.level, security.methods], [2, ["password", "totp"]]);
});

test("a code works once, also at fifty sign-ins at once", async () => {
  const { user, secret } = await withTotp("code@example.com");
  const tokens = [];
  for (let number = 0; number < 10; number += 1) tokens.push(await firstStep(user.email));
  const code = totp(secret);
  const answers = await atOnce(postern, 10, (number) => [
    "POST",
    "/api/auth/login/second-factor",
    { json: { token: tokens[number], code } },
  ]);
  assert.equal(answers.filter(({ status }) => status === 200).length, 1, JSON.stringify(tally(answers)));
});

test("a recovery code works once, also at fifty requests at once", async () => {
  const { user, recoveryCodes } = await withTotp("recovery@example.com");
  const token = await firstStep(user.email);
  const json = { token, recovery_code: recoveryCodes[0] };
  const answers = await atOnce(postern, MANY, () => ["POST", "/api/auth/login/second-factor", { json }]);
  assert.equal(answers.filter(({ status }) => status === 200).length, 1, JSON.stringify(tally(answers)));
  const { token: session } = answers.find(({ status }) => status === 200).body;
  const security = ok(await send(postern, "GET", "/api/auth/me/security", { token: session }));
  assert.equal(security.recovery_codes_left, 9);
});

for (const [name, algorithm] of Object.entries(algorithms)) {
  test(`a passkey with ${name} signs in, and another signature does not`, async () => {
    const user = await signUp(postern, `${name.toLowerCase()}@example.com`);
    const authenticator = new Authenticator({ origin: postern.url, algorithm, isSynced: true });
    const passkey = await addPasskey(postern, user.token, authenticator);
    assert.equal(passkey.is_synced, true);

    const session = ok(await post("/login/passkey", { json: await passkeySignIn(postern, authenticator) }));
    assert.equal(session.user.id, user.user.id);
    assert.equal(ok(await me(postern, session.token)).email, user.user.email);

    const forged = await passkeySignIn(postern, authenticator);
    const signature = Buffer.from(forged.credential.response.signature, "base64url");
    signature[signature.length - 1] ^= 1;
    forged.credential.response.signature = signature.toString("base64url");
    refused(await post("/login/passkey", { json: forged }), 401, "wrong_passkey");
  });
}

test("an assertion works once, also at fifty requests at once", async () => {
  const user = await signUp(postern, "assertion@example.com");
  const authenticator = new Authenticator({ origin: postern.url });
  await addPasskey(postern, user.token, authenticator);
  const json = await passkeySignIn(postern, authenticator);
  const answers = await atOnce(postern, MANY, () => ["POST", "/api/auth/login/passkey", { json }]);
  assert.deepEqual(tally(answers), { 200: 1, "401 wrong_passkey": MANY - 1 });
});

test("a passkey that does not verify its user is refused", async () => {
  const user = await signUp(postern, "unverified@example.com");
  const authenticator = new Authenticator({ origin: postern.url, verifiesUser: false });
  const options = ok(await post("/me/passkeys/options", { token: user.token }));
  const json = { token: options.token, credential: authenticator.create(options.publicKey) };
  refused(await post("/me/passkeys", { token: user.token, json }), 403, "passkey_refused");
});

test("a page view of the sign-in page writes nothing", async () => {
  const rows = async () => (await postern.sql("SELECT (SELECT count(*) FROM spent) AS spent"))[0].spent;
  const before = await rows();
  for (let number = 0; number < 20; number += 1) ok(await post("/login/passkey/options"));
  assert.equal(await rows(), before);
});

test("a user with a password alone signs in as before", async () => {
  const { user } = await signUp(postern, "plain@example.com");
  const session = ok(await login(postern, user.email, PASSWORD));
  assert.deepEqual(Object.keys(session).sort(), ["token", "user"]);
});
