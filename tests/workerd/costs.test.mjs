// The billed costs of each call: rows that D1 reports as read and written, and requests that leave the Worker. Compared with
// the table in docs/storage.md, which `npm run costs` writes.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  addPasskey,
  adminToken,
  askEmailChange,
  emailCode,
  login,
  ok,
  passkeySignIn,
  resetToken,
  send,
  sendOtp,
  until,
  userToken,
} from "./support/client.mjs";
import { Authenticator } from "./support/authenticator.mjs";
import { populate } from "./support/population.mjs";
import { startPostern } from "./support/postern.mjs";
import { totp } from "./support/totp.mjs";

const document = new URL("../../docs/storage.md", import.meta.url);
const header = "| call | sub-requests | rows read | rows written | after the response |\n|---|---|---|---|---|\n";
const WEBHOOK_PASSWORD = "a password of Postmark";
const [few, many] = [10, 20_000];

// These return a total, so they count all users.
const growing = [
  "GET /api/auth/admin/users",
  "GET /api/auth/admin/invite-tree",
  "GET /api/auth/admin/users/{id}/referrers",
];
const grows = "as many as users";

let postern;
let referrer;
let admin;
before(async () => {
  const settings = {
    POSTMARK_WEBHOOK_PASSWORD: WEBHOOK_PASSWORD,
    SECURITY_CONTACT: "security@example.com",
    IDENTITY_PROVIDERS: "github",
    GITHUB_CLIENT_ID: "client",
    GITHUB_CLIENT_SECRET: "secret",
  };
  postern = await startPostern({ settings, outbound: github });
  admin = await adminToken(postern);
  referrer = await userToken(postern, admin);
  await occupyTheEnds();
});
after(() => postern?.stop());

/**
 * SQLite also reads the index entry after the ones it looks for, unless they are the last or first of the index, which is
 * random in a small table. With these ids, no other id comes after them.
 */
async function occupyTheEnds() {
  for (const id of ["!", "zzzz"]) {
    await postern.sql(
      `INSERT INTO users (id, email, password_hash, referrer_id, is_active, frozen_by, created_at, updated_at)
       VALUES (?1, ?1, 'none', ?1, 0, ?1, 0, 0)`,
      id,
    );
    await postern.sql(
      "INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES (?1, ?1, 0, 9000000000000)",
      id,
    );
    await postern.sql(
      "INSERT INTO user_tokens (lookup, user_id, key_id, sealed, created_at, expires_at) VALUES (?1, ?1, '', '', 0, 9000000000000)",
      id,
    );
    await postern.sql(
      `INSERT INTO passkeys (credential_id, id, user_id, algorithm, public_key, sign_count, is_backup_eligible, is_synced, aaguid,
         transports, name, created_at)
       VALUES (?1, ?1, ?1, -7, '', 0, 0, 0, '', '[]', '', 0)`,
      id,
    );
    await postern.sql(
      "INSERT INTO totp (user_id, key_id, sealed, created_at, confirmed_at) VALUES (?1, '', '', 0, 0)",
      id,
    );
    await postern.sql(
      "INSERT INTO recovery_codes (id, user_id, key_id, sealed, created_at) VALUES (?1, ?1, '', '', 0)",
      id,
    );
    await postern.sql(
      `INSERT INTO email_changes (user_id, id, session_id, password_epoch, old_email, new_email, code_hash, undo_hash, guesses, requested_at,
         expires_at)
       VALUES (?1, ?1, ?1, 0, ?1, ?1, '', ?1, 0, 0, 9000000000000)`,
      id,
    );
    await postern.sql(
      `INSERT INTO undoable_email_changes (user_id, old_email, undo_hash, requested_at, expires_at)
       VALUES (?1, ?1, ?1, 0, 9000000000000)`,
      id,
    );
    await postern.sql(
      "INSERT INTO devices (user_id, key, first_sign_in_at, last_sign_in_at) VALUES (?1, ?1, 0, 0)",
      id,
    );
    await postern.sql("INSERT INTO spent (key, expires_at) VALUES (?1, 9000000000000)", id);
    await postern.sql(
      "INSERT INTO sign_ups (id, email, password_hash, requested_at) VALUES (?1, ?1, '', ?2)",
      id,
      id === "!" ? 0 : 9e12,
    );
    await postern.sql(
      "INSERT INTO events (at, action, result, actor_id, subject_id, address) VALUES (0, ?1, '', ?1 || '!', ?1, '')",
      id,
    );
    await postern.sql(
      `INSERT INTO identities (issuer, subject, id, user_id, provider, created_at)
       VALUES ('https://github.com', ?1, ?1, ?1, 'github', 0)`,
      id,
    );
  }
}

/** The id of the user who is signed in at GitHub. */
let subject = 0;

function github({ url }) {
  const answers = {
    "https://github.com/login/oauth/access_token": { access_token: "a token" },
    "https://api.github.com/user": { id: subject, name: "Octo Cat" },
    "https://api.github.com/user/emails": [{ email: "octocat@example.org", primary: true, verified: true }],
  };
  return Response.json(answers[url]);
}

/** What a user comes back from GitHub with, after a request for the URL. */
async function visit(begin, token) {
  const begun = ok(await send(postern, "POST", begin, { token, json: {} }));
  return { token: begun.token, state: begun.id, code: "a code" };
}

/** Links another identity to the account of the session. Returns its id. */
async function link({ token }) {
  subject += 1;
  const path = "/api/auth/me/identities/github";
  return ok(await send(postern, "POST", `${path}/callback`, { token, json: await visit(path, token) })).id;
}

/** The request for each call, sent by a user who has just signed up. */
const requests = {
  "POST /api/auth/login": ({ email }) => ({ json: { email, password: PASSWORD } }),
  "POST /api/auth/login/email": ({ email }) => ({ json: { email } }),
  "POST /api/auth/login/email/verify": async ({ email, user }) => {
    await verify(user);
    return { json: await emailCode(postern, email) };
  },
  // The owner of the mailbox takes over the account, because it is not verified.
  "POST /api/auth/signup/verify": async ({ email }) => ({ json: await emailCode(postern, email) }),
  "POST /api/auth/login/passkey/options": () => ({}),
  "POST /api/auth/login/passkey": async ({ token }) => {
    const { authenticator } = await addPasskey(postern, token);
    return { json: await passkeySignIn(postern, authenticator) };
  },
  "POST /api/auth/login/second-factor/passkey/options": async ({ email, token, user }) => {
    await addPasskey(postern, token);
    await postern.sql("UPDATE users SET second_factor = 1 WHERE id = ?", user.id);
    const { detail } = (await login(postern, email)).body;
    return { json: { token: detail.token } };
  },
  "POST /api/auth/login/second-factor": async (user) => {
    const secret = await addTotp(user);
    const { detail } = (await login(postern, user.email)).body;
    return { json: { token: detail.token, code: totp(secret) } };
  },
  "POST /api/auth/login/{provider}": () => ({ last: "github", json: {} }),
  "POST /api/auth/login/{provider}/callback": async (user) => {
    await link(user);
    return { last: "github", json: await visit("/api/auth/login/github") };
  },
  "POST /api/auth/me/identities/{id}": ({ token }) => ({ token, id: "github", json: {} }),
  "POST /api/auth/me/identities/{id}/callback": async ({ token }) => {
    subject += 1;
    return { token, id: "github", json: await visit("/api/auth/me/identities/github", token) };
  },
  "GET /api/auth/me/identities": async (user) => {
    await link(user);
    return { token: user.token };
  },
  "DELETE /api/auth/me/identities/{id}": async (user) => ({ token: user.token, id: await link(user) }),
  "GET /api/auth/admin/users/{id}/identities": async (user) => {
    await link(user);
    return { token: admin, id: user.user.id };
  },
  "DELETE /api/auth/admin/users/{id}/identities/{identity_id}": async (user) => ({
    token: admin,
    id: user.user.id,
    last: await link(user),
  }),
  "POST /api/auth/signup": ({ other }) => ({ json: { referrer, email: other, password: PASSWORD } }),
  "POST /api/auth/logout": ({ token }) => ({ token }),
  "POST /api/auth/reauthenticate": ({ token }) => ({ token, json: { password: PASSWORD } }),
  "POST /api/auth/reauthenticate/email": async ({ token, user }) => {
    await verify(user);
    return { token };
  },
  "POST /api/auth/reauthenticate/passkey/options": async ({ token }) => {
    await addPasskey(postern, token);
    return { token };
  },
  "GET /api/auth/jwks": () => ({}),
  "GET /api/auth/openapi.json": () => ({}),
  "GET /api/auth/config": () => ({}),
  "GET /.well-known/webauthn": () => ({}),
  "GET /.well-known/security.txt": () => ({}),
  "POST /api/auth/send-password-reset-link": ({ email }) => ({ json: { email } }),
  "POST /api/auth/reset-password-with-token": async ({ email }) => ({
    token: await resetToken(postern, email),
    json: { password: "another good password" },
  }),
  "POST /api/auth/verify-otp": async (user) => {
    const { token, code } = await sendOtp(postern, user);
    return { form: { otp: code, token } };
  },
  "GET /api/auth/verify-token": () => ({ query: `?token=${referrer}` }),
  "POST /api/auth/verify-token": () => ({ json: { token: referrer } }),
  "POST /api/auth/invitation": () => ({ json: { token: referrer } }),
  "GET /api/auth/me": ({ token }) => ({ token }),
  "DELETE /api/auth/me": ({ token }) => ({ token }),
  "GET /api/auth/me/security": ({ token }) => ({ token }),
  "POST /api/auth/me/totp": ({ token }) => ({ token }),
  "PUT /api/auth/me/totp": async ({ token }) => {
    const { secret } = ok(await send(postern, "POST", "/api/auth/me/totp", { token }));
    return { token, json: { code: totp(secret) } };
  },
  "DELETE /api/auth/me/totp": async (user) => {
    await addTotp(user);
    return { token: user.token };
  },
  "POST /api/auth/me/recovery-codes": async (user) => {
    await addTotp(user);
    return { token: user.token };
  },
  "DELETE /api/auth/me/password": async ({ token }) => {
    // From then on, the session is proven with the passkey.
    await addPasskey(postern, token);
    return { token };
  },
  "PUT /api/auth/me/second-factor": async ({ token }) => {
    const { authenticator } = await addPasskey(postern, token);
    const json = await passkeySignIn(postern, authenticator);
    return { token: ok(await send(postern, "POST", "/api/auth/login/passkey", { json })).token };
  },
  "DELETE /api/auth/me/second-factor": async (user) => {
    await addTotp(user);
    return { token: user.token };
  },
  "GET /api/auth/me/locale": ({ token }) => ({ token }),
  "PUT /api/auth/me/locale": ({ token }) => ({ token, json: { locale: "de" } }),
  "PUT /api/auth/me/name": ({ token }) => ({ token, json: { name: "Ada" } }),
  "PUT /api/auth/me/password": ({ token }) => ({
    token,
    json: { old_password: PASSWORD, new_password: "another good password" },
  }),
  "POST /api/auth/me/passkeys/options": ({ token }) => ({ token }),
  "POST /api/auth/me/passkeys": async ({ token }) => {
    const options = ok(await send(postern, "POST", "/api/auth/me/passkeys/options", { token }));
    const credential = new Authenticator({ origin: postern.url }).create(options.publicKey);
    return { token, json: { token: options.token, credential } };
  },
  "GET /api/auth/me/passkeys": async ({ token }) => {
    await addPasskey(postern, token);
    return { token };
  },
  "PUT /api/auth/me/passkeys/{id}": async ({ token }) => ({
    token,
    json: { name: "Key" },
    last: (await addPasskey(postern, token)).id,
  }),
  "DELETE /api/auth/me/passkeys/{id}": async ({ token }) => ({ token, last: (await addPasskey(postern, token)).id }),
  "DELETE /api/auth/me/email-problem": async ({ token, user }) => {
    await postern.sql("UPDATE users SET email_problem = 'bounce', email_problem_at = 1 WHERE id = ?", user.id);
    return { token };
  },
  "GET /api/auth/me/email": ({ token }) => ({ token }),
  "POST /api/auth/me/email": ({ token, other }) => ({ token, json: { email: other } }),
  "DELETE /api/auth/me/email": async (user) => {
    await askEmailChange(postern, user, user.other);
    return { token: user.token };
  },
  "POST /api/auth/me/email/verify": async (user) => ({
    token: user.token,
    json: (await askEmailChange(postern, user, user.other)).codes,
  }),
  "POST /api/auth/undo-email-change": async (user) => {
    // A change that is done costs more to undo than one that waits for its codes.
    await postern.sql("UPDATE users SET is_verified = 1 WHERE id = ?", user.user.id);
    const { codes, undoToken } = await askEmailChange(postern, user, user.other);
    ok(await send(postern, "POST", "/api/auth/me/email/verify", { token: user.token, json: codes }));
    return { json: { token: undoToken } };
  },
  "POST /api/auth/me/send-otp": ({ token }) => ({ token }),
  "POST /api/auth/me/send-invite": async ({ token, user, other }) => {
    await verify(user);
    return { token, json: { email: other } };
  },
  "POST /api/auth/me/create-token": ({ token }) => ({ token, json: {} }),
  "GET /api/auth/me/tokens": ({ token }) => ({ token }),
  "POST /api/auth/me/tokens": ({ token }) => ({ token }),
  "DELETE /api/auth/me/tokens/{token}": async ({ token }) => ({ token, last: await userToken(postern, token) }),
  "GET /api/auth/me/tokens/{token}/users": async ({ token, other }) => {
    const invitation = await userToken(postern, token);
    const json = { referrer: invitation, email: other, password: PASSWORD };
    ok(await send(postern, "POST", "/api/auth/signup", { json, address: address() }));
    return { token, last: invitation };
  },
  "GET /api/auth/me/sessions": ({ token }) => ({ token }),
  "DELETE /api/auth/me/sessions/{id}": async ({ token, email }) => {
    const { token: other } = ok(await login(postern, email));
    return { token, last: sessionId(other) };
  },
  "GET /api/auth/me/events": ({ token }) => ({ token }),
  "GET /api/auth/me/export": ({ token }) => ({ token }),
  "GET /api/auth/admin/users": () => ({ token: admin }),
  "POST /api/auth/admin/users": ({ other }) => ({ token: admin, json: { email: other, password: PASSWORD } }),
  "GET /api/auth/admin/users/{id}": ({ user }) => ({ token: admin, id: user.id }),
  "PUT /api/auth/admin/users/{id}": ({ user }) => ({ token: admin, id: user.id, json: { name: "Ada" } }),
  "DELETE /api/auth/admin/users/{id}": ({ user }) => ({ token: admin, id: user.id }),
  "POST /api/auth/admin/users/{id}/send-password-reset-link": ({ user }) => ({ token: admin, id: user.id }),
  "DELETE /api/auth/admin/users/{id}/second-factors": async (user) => {
    await addTotp(user);
    return { token: admin, id: user.user.id };
  },
  "DELETE /api/auth/admin/users/{id}/email-problem": async ({ user }) => {
    await postern.sql("UPDATE users SET email_problem = 'bounce', email_problem_at = 1 WHERE id = ?", user.id);
    return { token: admin, id: user.id };
  },
  "GET /api/auth/admin/users/{id}/sessions": ({ user }) => ({ token: admin, id: user.id }),
  "DELETE /api/auth/admin/users/{id}/sessions": ({ user }) => ({ token: admin, id: user.id }),
  "DELETE /api/auth/admin/users/{id}/sessions/{session_id}": ({ user, token }) => ({
    token: admin,
    id: user.id,
    last: sessionId(token),
  }),
  "GET /api/auth/admin/users/{id}/referrers": ({ user }) => ({ token: admin, id: user.id }),
  "GET /api/auth/admin/users/{id}/freeze": ({ user }) => ({ token: admin, id: user.id }),
  "POST /api/auth/admin/users/{id}/freeze": ({ user }) => ({ token: admin, id: user.id }),
  "DELETE /api/auth/admin/users/{id}/freeze": async ({ user }) => {
    ok(await send(postern, "POST", `/api/auth/admin/users/${user.id}/freeze`, { token: admin }));
    return { token: admin, id: user.id };
  },
  "GET /api/auth/admin/users/{id}/invitation": ({ user }) => ({ token: admin, id: user.id }),
  "GET /api/auth/admin/sign-ups": () => ({ token: admin }),
  "POST /api/auth/admin/sign-ups/{id}/approve": async ({ other }) => ({ token: admin, id: await request(other) }),
  "POST /api/auth/admin/sign-ups/{id}/reject": async ({ other }) => ({ token: admin, id: await request(other) }),
  "GET /api/auth/admin/invite-tree": () => ({ token: admin }),
  "GET /api/auth/admin/overview": async () => {
    // As after a run of the cron trigger. Otherwise, it also reads the events of all calls before.
    await postern.sql("UPDATE counting SET event_id = (SELECT max(id) FROM events)");
    return { token: admin };
  },
  "GET /api/auth/admin/events": () => ({ token: admin }),
  "GET /health": () => ({}),
  "POST /webhooks/mail/{provider}": ({ email }) => ({
    headers: { authorization: `Basic ${btoa(`postern:${WEBHOOK_PASSWORD}`)}` },
    json: { RecordType: "Bounce", Type: "HardBounce", Email: email },
    last: "postmark",
  }),
};

/** The calls of the document's first table, except those of local development, and whether they do work after the response. */
async function calls() {
  const [, table] = (await readFile(document, "utf8")).split("| call | round trips |");
  const rows = table.split("\n\n")[0].matchAll(/^\| ([A-Z]+ \/\S+) .*\| ([\d, ]+) \|$/gm);
  return [...rows]
    .map(([, call, after]) => ({ call, hasAfter: after !== "0, 0, 0" }))
    .filter(({ call }) => !call.includes(" /dev/"));
}

function sessionId(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString()).sid;
}

function verify(user) {
  return postern.sql("UPDATE users SET is_verified = 1 WHERE id = ?", user.id);
}

/** Adds a request to sign up. Returns its id. */
async function request(email) {
  const id = crypto.randomUUID();
  await postern.sql(
    "INSERT INTO sign_ups (id, email, password_hash, requested_at) VALUES (?1, ?2, '', ?3)",
    id,
    email,
    Date.now(),
  );
  return id;
}

let people = 0;

async function newUser() {
  people += 1;
  const email = `person${people}@example.com`;
  const json = { referrer, email, password: PASSWORD };
  const { token, user } = ok(await send(postern, "POST", "/api/auth/signup", { json, address: address() }));
  return { email, token, user, other: `friend${people}@example.com` };
}

/** Adds an authenticator app to the account of the session. Returns its secret. */
async function addTotp({ token }) {
  const { secret } = ok(await send(postern, "POST", "/api/auth/me/totp", { token }));
  ok(await send(postern, "PUT", "/api/auth/me/totp", { token, json: { code: totp(secret, -1) } }));
  return secret;
}

let addresses = 0;
const address = () => `2001:db8:${(++addresses).toString(16)}::1`;

/** The costs of a call before and after the response: requests that leave the Worker, rows read, rows written. */
async function cost({ call, hasAfter }) {
  const [method, path] = call.split(" ");
  const request = requests[call];
  assert.ok(request, `${call} is not in tests/workerd/costs.test.mjs: say there what to send`);
  const { query = "", id, last, ...options } = await request(await newUser());
  const sent = path.replace("{id}", id ?? last).replace(/\{.*?\}/, last) + query;
  const answer = await send(postern, method, sent, { ...options, address: address() });
  ok(answer);
  const logged = (kind) => () =>
    postern.events().find(({ event, id }) => event === kind && id === answer.headers.get("x-request-id"));
  return [await until(logged("request")), hasAfter ? await until(logged("after_answer")) : undefined].map((usage) =>
    usage
      ? [usage.d1_round_trips + usage.kv_reads + usage.kv_writes, usage.d1_rows_read, usage.d1_rows_written]
      : [0, 0, 0],
  );
}

async function table() {
  let rows = "";
  for (const each of await calls()) {
    const [before, after] = await cost(each);
    if (growing.includes(each.call)) before[1] = grows;
    rows += `| ${each.call} | ${before.join(" | ")} | ${after.join(", ")} |\n`;
  }
  return header + rows;
}

test("the costs of a call match the table and do not depend on the number of users", async () => {
  await populate((...query) => postern.sql(...query), few);
  const withFew = await table();
  // Deletes what the first count left behind.
  await postern.sql("DELETE FROM freezes");
  await populate((...query) => postern.sql(...query), many);
  assert.equal(await table(), withFew);

  const text = await readFile(document, "utf8");
  if (process.env.WRITE_COSTS) {
    const [before, rest] = text.split(header);
    await writeFile(document, before + withFew + rest.replace(/^(\|.*\n)*/, ""));
  } else {
    assert.ok(text.includes(withFew), `docs/storage.md should have (\`npm run costs\` writes it):\n\n${withFew}`);
  }
});
