// Admin endpoints in the built Worker: a pass through each of them, and behavior that only D1 itself can show.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  adminToken,
  atOnce,
  link,
  login,
  mail,
  me,
  ok,
  refused,
  resetPassword,
  send,
  signUp,
  tally,
  until,
  userToken,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
let token;
before(async () => {
  postern = await startPostern();
  token = await adminToken(postern);
});
after(() => postern?.stop());

/** Sends a request as the admin to a path below /api/auth/admin. */
const admin = (method, path, options) => send(postern, method, `/api/auth/admin${path}`, { token, ...options });

/** Signs up a user with another user's token. */
async function invited(inviter, email) {
  const referrer = await userToken(postern, inviter.token);
  return ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password: PASSWORD } }));
}

test("an admin can create, find, change and delete a user", async () => {
  const user = ok(await admin("POST", "/users", { json: { email: "joan@example.com", name: "Joan 100%", tier: 1 } }));
  const invitation = link(await mail(postern, "joan@example.com", /Set up your/));
  ok(await resetPassword(postern, invitation.searchParams.get("token"), PASSWORD));
  const session = ok(await login(postern, "joan@example.com"));

  const found = ok(await admin("GET", `/users?search=${encodeURIComponent("joan 100%")}&is_verified=true&limit=5`));
  assert.deepEqual([found.total, found.offset, found.limit], [1, 0, 5]);
  const { last_sign_in_at, ...summary } = found.items[0];
  assert.deepEqual(summary, { ...session.user, frozen_by: null, second_factor: false });
  const details = ok(await admin("GET", `/users/${user.id}`));
  assert.deepEqual(details, { ...summary, last_sign_in_at, email_problem: null });

  const json = { role: "admin", tier: 2 };
  const changed = ok(await admin("PUT", `/users/${user.id}`, { json }));
  assert.deepEqual([changed.role, changed.tier, changed.name], ["admin", 2, "Joan 100%"]);
  ok(await send(postern, "GET", "/api/auth/admin/users", { token: session.token }));
  ok(await admin("PUT", `/users/${user.id}`, { json: { role: "user" } }));
  refused(await send(postern, "GET", "/api/auth/admin/users", { token: session.token }), 403, "admin_required");

  const [listed] = ok(await admin("GET", `/users/${user.id}/sessions`));
  assert.equal(listed.current, false);
  assert.equal(ok(await admin("DELETE", `/users/${user.id}/sessions/${listed.id}`)), true);
  refused(await me(postern, session.token), 401, "invalid_token");
  assert.equal(ok(await admin("DELETE", `/users/${user.id}/sessions`)), true);
  assert.equal(ok(await admin("POST", `/users/${user.id}/send-password-reset-link`)), true);
  assert.equal(ok(await admin("DELETE", `/users/${user.id}`)), true);
  refused(await admin("GET", `/users/${user.id}`), 404, "not_found");

  const { items } = ok(await admin("GET", `/events?user=${user.id}&limit=100`));
  assert.deepEqual(items.map(({ action }) => action).reverse(), [
    "user_created",
    "password_reset_completed",
    "login",
    "role_changed",
    "tier_changed",
    "role_changed",
    "session_ended",
    "password_reset_requested",
    "user_deleted",
  ]);
  assert.ok(items.every(({ subject, result }) => subject.email === null && result === "success"));
});

test("a branch is frozen immediately and restored by unfreezing", async () => {
  const ada = await signUp(postern, "ada@example.com");
  const bob = await invited(ada, "bob@example.com");
  const eve = await invited(bob, "eve@example.com");
  const tree = async () => ok(await admin("GET", `/invite-tree?root=${ada.user.id}`)).items;
  assert.deepEqual(
    (await tree()).map(({ user, depth, invited }) => [user.email, depth, invited]),
    [
      ["ada@example.com", 0, 1],
      ["bob@example.com", 1, 1],
      ["eve@example.com", 2, 0],
    ],
  );
  const invitation = await userToken(postern, eve.token);
  assert.deepEqual(ok(await admin("POST", `/users/${ada.user.id}/freeze`)), { frozen: 3 });
  assert.ok((await tree()).every(({ user, frozen_by }) => !user.is_active && frozen_by === ada.user.id));
  refused(await me(postern, eve.token), 403, "inactive");
  assert.equal(ok(await send(postern, "GET", `/api/auth/verify-token?token=${invitation}`)), false);
  assert.deepEqual(ok(await admin("DELETE", `/users/${ada.user.id}/freeze`)), { unfrozen: 3 });
  assert.ok((await tree()).every(({ user, frozen_by }) => user.is_active && frozen_by === null));
  // Because of the schema's trigger, no session is restored.
  refused(await me(postern, eve.token), 401, "invalid_token");
  ok(await login(postern, "eve@example.com"));
});

test("a freeze that cannot be completed freezes no user", async () => {
  const root = await signUp(postern, "root@example.com");
  const leaf = await invited(root, "leaf@example.com");
  const state = async () => [
    await postern.sql("SELECT * FROM users ORDER BY id"),
    await postern.sql("SELECT * FROM freezes"),
    await postern.sql("SELECT * FROM events"),
  ];
  const before = await state();
  for (const refusal of [
    "BEFORE INSERT ON events WHEN new.action = 'frozen'",
    "BEFORE INSERT ON freezes",
    `BEFORE UPDATE ON users WHEN new.id = '${leaf.user.id}'`,
  ]) {
    await postern.sql(`CREATE TRIGGER refusal ${refusal} BEGIN SELECT RAISE(ABORT, 'refused by the test'); END`);
    refused(await admin("POST", `/users/${root.user.id}/freeze`), 503, "unavailable");
    await postern.sql("DROP TRIGGER refusal");
    assert.deepEqual(await state(), before, refusal);
  }
  ok(await me(postern, leaf.token));
  assert.deepEqual(ok(await admin("POST", `/users/${root.user.id}/freeze`)), { frozen: 2 });
});

test("an action has no effect if its event cannot be written", async () => {
  const { token, user } = await signUp(postern, "unwritten@example.com");
  await postern.sql(
    "CREATE TRIGGER refusal BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
  );
  const json = { name: "Ada" };
  refused(await send(postern, "PUT", "/api/auth/me/name", { token, json }), 503, "unavailable");
  refused(await admin("DELETE", `/users/${user.id}`), 503, "unavailable");
  await postern.sql("DROP TRIGGER refusal");
  assert.equal(ok(await me(postern, token)).name, null);
});

test("only an action with an effect leaves an event", async () => {
  const { token, user } = await signUp(postern, "once@example.com");
  const answers = await atOnce(postern, 10, () => ["DELETE", "/api/auth/me", { token }]);
  assert.ok(answers.every(({ status }) => status === 200 || status === 403));
  const { items } = ok(await admin("GET", `/events?user=${user.id}&action=deactivated`));
  assert.equal(items.length, 1);
});

test("admins who demote each other concurrently leave one admin", async () => {
  const admins = [];
  for (const name of ["a", "b"]) {
    const session = await signUp(postern, `admin-${name}@example.com`);
    ok(await admin("PUT", `/users/${session.user.id}`, { json: { role: "admin" } }));
    admins.push(session);
  }
  const json = { role: "user" };
  const answers = await atOnce(postern, 2, (number) => {
    const [own, other] = [admins[number], admins[1 - number]];
    return ["PUT", `/api/auth/admin/users/${other.user.id}`, { token: own.token, json }];
  });
  assert.deepEqual(tally(answers), { 200: 1, "403 admin_required": 1 });
});

test("a chain of 10,000 users can be frozen and unfrozen", async () => {
  await postern.sql(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
     INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
     SELECT 'u' || i, 'u' || i || '@example.com', 'x', CASE WHEN i > 1 THEN 'u' || (i - 1) END, i, i FROM n`,
  );
  assert.deepEqual(ok(await admin("POST", "/users/u1/freeze")), { frozen: 10_000 });
  assert.equal(ok(await admin("GET", "/invite-tree?root=u1&limit=100")).total, 11);
  assert.deepEqual(ok(await admin("DELETE", "/users/u1/freeze")), { unfrozen: 10_000 });
  await postern.sql("DELETE FROM users WHERE password_hash = 'x'");
});

test("users can read the events of their own account, including failures", async () => {
  const { token, user } = await signUp(postern, "reader@example.com");
  refused(await login(postern, user.email, "wrong password", { address: "198.51.100.9" }), 401, "wrong_credentials");
  const events = await until(async () => {
    const { items } = ok(await send(postern, "GET", "/api/auth/me/events", { token }));
    return items.length > 1 && items;
  });
  const self = { id: user.id, email: user.email };
  assert.deepEqual(
    events.map(({ action, result, actor, subject }) => ({ action, result, actor, subject })),
    [
      { action: "login", result: "wrong_credentials", actor: null, subject: self },
      { action: "signup", result: "success", actor: self, subject: self },
    ],
  );
  assert.match(events[0].address, /^[\w-]{11}$/);
  assert.notEqual(events[0].address, events[1].address);
});

test("the cron trigger deletes events older than configured", async () => {
  await postern.restart({ settings: { EVENT_RETENTION_DAYS: "1" } });
  const events = async () => (await postern.sql("SELECT id FROM events")).length;
  const before = await events();
  await postern.scheduled(Date.now());
  assert.equal(await events(), before);
  await postern.scheduled(Date.now() + 86_400_000 + 60_000);
  assert.equal(await events(), 0);
});
