// A happy path through every endpoint of the built Worker, using the links and codes in the mails.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  adminToken,
  link,
  login,
  mail,
  mails,
  me,
  ok,
  refused,
  resetPassword,
  resetToken,
  send,
  sendOtp,
  signUp,
  userToken,
  verifyOtp,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

const DAY = 86_400_000;

/** Reads the claims of a JWT like clients do, without verifying it. */
function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

/** Checks that `time` is within a minute of the expected time. */
function assertNear(time, meant) {
  assert.ok(Math.abs(time - meant) < 60_000, `${time} is not near ${meant}`);
}

test("the default admin can log in and get the current user", async () => {
  const { token, user, must_change_password } = ok(await login(postern, " ADMIN ", "admin"));
  assert.equal(must_change_password, true);
  assert.deepEqual([user.email, user.role, user.is_active, user.is_verified], ["admin", "admin", true, true]);
  const answer = await me(postern, token);
  assert.deepEqual(ok(answer), user);
  assert.equal(answer.headers.get("x-refresh-token"), null);
});

test("a session token has the expiry and the scopes", async () => {
  const { token, user } = ok(await login(postern, "admin", "admin"));
  const { sub, iat, exp, scopes } = claims(token);
  assert.deepEqual([sub, scopes], [user.id, ["admin", 2]]);
  assertNear(iat * 1000, Date.now());
  assert.equal(exp - iat, (7 * DAY) / 1000);
});

test("an invited user can sign up and becomes the referrer's invitee", async () => {
  const admin = ok(await login(postern, "admin", "admin"));
  const referrer = await userToken(postern, admin.token);
  assert.match(referrer, /^[0-9A-Za-z]{10}$/);
  const json = { referrer, email: " Ada@Example.com ", password: PASSWORD, name: " Ada 🔑 " };
  const { token, user } = ok(await send(postern, "POST", "/api/auth/signup", { json }));
  assert.deepEqual(Object.keys(user), [
    "id",
    "email",
    "name",
    "role",
    "tier",
    "is_active",
    "is_verified",
    "referrer_id",
    "extra",
    "created_at",
    "updated_at",
  ]);
  assertNear(user.created_at, Date.now());
  assert.deepEqual(
    { ...user, id: null, created_at: null, updated_at: null },
    {
      id: null,
      email: "ada@example.com",
      name: "Ada 🔑",
      role: "user",
      tier: 0,
      is_active: true,
      is_verified: false,
      referrer_id: admin.user.id,
      extra: {},
      created_at: null,
      updated_at: null,
    },
  );
  assert.deepEqual(ok(await me(postern, token)), user);
  assert.deepEqual(ok(await login(postern, "ADA@example.com")).user, user);
});

test("a mailed invitation leads to a sign-up", async () => {
  const token = await adminToken(postern);
  const json = { email: "Invited@Example.com" };
  assert.equal(ok(await send(postern, "POST", "/api/auth/me/send-invite", { token, json })), true);
  const invitation = link(await mail(postern, "invited@example.com", /invited/));
  assert.equal(invitation.href.split("?")[0], `${postern.url}/signup`);
  const { referrer, email } = Object.fromEntries(invitation.searchParams);
  ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password: PASSWORD } }));
  ok(await login(postern, "invited@example.com"));
});

test("a user can change the name", async () => {
  const { token } = await signUp(postern, "name@example.com");
  const json = { name: "  Grace Hopper " };
  assert.equal(ok(await send(postern, "PUT", "/api/auth/me/name", { token, json })), true);
  assert.equal(ok(await me(postern, token)).name, "Grace Hopper");
});

test("a password change ends the other sessions, keeps this one, and is reported by mail", async () => {
  const { token, user } = await signUp(postern, "change@example.com");
  const other = ok(await login(postern, user.email)).token;
  const json = { old_password: PASSWORD, new_password: "another good password" };
  assert.equal(ok(await send(postern, "PUT", "/api/auth/me/password", { token, json })), true);
  ok(await me(postern, token));
  refused(await me(postern, other), 401, "invalid_token");
  refused(await login(postern, user.email), 401, "wrong_credentials");
  ok(await login(postern, user.email, "another good password"));
  await mail(postern, user.email, /was changed/);
});

test("a reset link sets a new password once, verifies the email and ends all sessions", async () => {
  const { token, user } = await signUp(postern, "reset@example.com");
  const reset = await resetToken(postern, user.email);
  assert.equal(link((await mails(postern, user.email))[0]).href.split("?")[0], `${postern.url}/reset-password`);
  assert.deepEqual(claims(reset).scopes, ["user", 0]);
  assert.equal(ok(await me(postern, reset)).email, user.email);
  refused(await resetPassword(postern, reset, "short"), 422, "invalid_fields");
  assert.equal(ok(await resetPassword(postern, reset, "another good password")), true);
  for (const dead of [reset, token]) refused(await me(postern, dead), 401, "invalid_token");
  refused(await resetPassword(postern, reset, "a third good password"), 401, "invalid_token");
  assert.equal(ok(await login(postern, user.email, "another good password")).user.is_verified, true);
  await mail(postern, user.email, /was changed/);
});

test("a mailed code verifies the email once", async () => {
  const session = await signUp(postern, "otp@example.com");
  const { token, code } = await sendOtp(postern, session);
  refused(await verifyOtp(postern, code === "000000" ? "000001" : "000000", token), 403, "wrong_otp");
  assert.equal(ok(await verifyOtp(postern, code, token)), true);
  assert.equal(ok(await me(postern, session.token)).is_verified, true);
  refused(await verifyOtp(postern, code, token), 403, "otp_token_refused");
  refused(await send(postern, "POST", "/api/auth/me/send-otp", { token: session.token }), 409, "already_verified");
});

test("a mailed code can be sent as an urlencoded form but not as JSON", async () => {
  const { token, code: otp } = await sendOtp(postern, await signUp(postern, "urlencoded@example.com"));
  refused(await send(postern, "POST", "/api/auth/verify-otp", { json: { otp, token } }), 415, "unsupported_media_type");
  assert.equal(
    ok(await send(postern, "POST", "/api/auth/verify-otp", { body: new URLSearchParams({ otp, token }) })),
    true,
  );
});

test("user tokens can be created, listed, verified and deleted", async () => {
  const { token, user } = await signUp(postern, "tokens@example.com");
  const create = async (json) => ok(await send(postern, "POST", "/api/auth/me/create-token", { token, json })).token;
  const [short, long] = [await create({ name: "A week", expires_in_days: 7 }), await create(undefined)];
  const listed = ok(await send(postern, "POST", "/api/auth/me/tokens", { token }));
  assert.deepEqual(
    listed.map(({ token, user_id, name }) => ({ token, user_id, name })),
    [
      { token: long, user_id: user.id, name: null },
      { token: short, user_id: user.id, name: "A week" },
    ],
  );
  assertNear(listed[0].expires_at, Date.now() + 90 * DAY);
  assertNear(listed[1].expires_at, Date.now() + 7 * DAY);
  assert.deepEqual(ok(await send(postern, "GET", "/api/auth/me/tokens", { token })), listed);

  const lives = async (token) => ok(await send(postern, "GET", `/api/auth/verify-token?token=${token}`));
  assert.equal(await lives(short), true);
  assert.equal(ok(await send(postern, "DELETE", `/api/auth/me/tokens/${short}`, { token })), true);
  assert.deepEqual([await lives(short), await lives(long), await lives("")], [false, true, false]);
  refused(await send(postern, "DELETE", `/api/auth/me/tokens/${short}`, { token }), 404, "not_found");
  refused(await send(postern, "GET", "/api/auth/verify-token"), 422, "invalid_fields");
  refused(await me(postern, long), 401, "invalid_token");
});

test("a user can list sessions and end one on another device", async () => {
  const { token, user } = await signUp(postern, "sessions@example.com");
  const other = ok(await login(postern, user.email, PASSWORD, { headers: { "user-agent": "A phone" } })).token;
  const listed = ok(await send(postern, "GET", "/api/auth/me/sessions", { token }));
  assert.deepEqual(listed.map(({ current }) => current).sort(), [false, true]);
  const { id, user_agent, expires_at } = listed.find(({ current }) => !current);
  assert.equal(user_agent, "A phone");
  assertNear(expires_at, Date.now() + 7 * DAY);
  assert.equal(ok(await send(postern, "DELETE", `/api/auth/me/sessions/${id}`, { token })), true);
  refused(await me(postern, other), 401, "invalid_token");
  ok(await me(postern, token));
  refused(await send(postern, "DELETE", `/api/auth/me/sessions/${id}`, { token }), 404, "not_found");
});

test("a logout ends only this session", async () => {
  const { token, user } = await signUp(postern, "logout@example.com");
  const other = ok(await login(postern, user.email)).token;
  assert.equal(ok(await send(postern, "POST", "/api/auth/logout", { token })), true);
  refused(await me(postern, token), 401, "invalid_token");
  ok(await me(postern, other));
});

test("a user who deactivates the account is inactive everywhere immediately", async () => {
  const { token, user } = await signUp(postern, "leaver@example.com");
  const invitation = await userToken(postern, token);
  assert.equal(ok(await send(postern, "DELETE", "/api/auth/me", { token })), true);
  refused(await me(postern, token), 403, "inactive");
  refused(await login(postern, user.email), 403, "inactive");
  assert.equal(ok(await send(postern, "GET", `/api/auth/verify-token?token=${invitation}`)), false);
});

test("/api/auth/jwks has the public keys and nothing private", async () => {
  const { keys } = ok(await send(postern, "GET", "/api/auth/jwks"));
  assert.deepEqual(
    keys.map(({ kid, x, y = "", ...rest }) => ({ ...rest, kid: typeof kid, x: x.length, y: y.length })),
    [
      { kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA", kid: "string", x: 43, y: 0 },
      { kty: "EC", crv: "P-256", use: "sig", alg: "ES256", kid: "string", x: 43, y: 43 },
    ],
  );
});

test("the outbox is available as a page and as JSON, newest first", async () => {
  await resetToken(postern, (await signUp(postern, "outbox@example.com")).user.email);
  await sendOtp(postern, ok(await login(postern, "outbox@example.com")));
  const [newest, ...older] = await mails(postern, "OUTBOX@example.com");
  assert.deepEqual(Object.keys(newest).sort(), ["html", "sent_at", "subject", "text", "to"]);
  assert.equal(newest.to, "outbox@example.com");
  assert.match(newest.html, /^<!doctype html>/i);
  assert.equal(older.length, 1);
  assert.ok(newest.sent_at >= older[0].sent_at);

  const answer = await send(postern, "GET", "/dev/outbox?to=outbox@example.com");
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /^text\/html/);
  assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
  for (const { subject } of [newest, ...older]) assert.ok(answer.text.includes(subject), answer.text);
  assert.ok(!answer.text.includes("reset@example.com"), "the page shows mails to somebody else");
});

test("HEAD is answered like GET, without a body", async () => {
  const token = await adminToken(postern);
  for (const path of ["/api/auth/me", "/api/auth/jwks", "/api/auth/me/tokens", "/api/auth/me/sessions", "/health"]) {
    const answer = await send(postern, "HEAD", path, { token });
    assert.deepEqual([answer.status, answer.text], [200, ""], path);
  }
});

// Must be the last test, because it checks the log of all others.
test("the log has no errors when nothing goes wrong", () => {
  assert.deepEqual(postern.logs(), []);
});
