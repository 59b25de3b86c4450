// `npm run admin`, with the real wrangler on the database of a Worker that runs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PASSWORD, login, me, ok, refused, send } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";

let postern;
let folder;
before(async () => {
  postern = await startPostern({ settings: { DEFAULT_ADMIN: "restricted" } });
  const json = { old_password: "admin", new_password: PASSWORD };
  const { token } = ok(await login(postern, "admin", "admin"));
  ok(await send(postern, "PUT", "/api/auth/me/password", { token, json }));
  // Where wrangler looks for the state of a Worker on this machine.
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

test("an admin who is locked out gets a password that opens nothing but the choice of another", async () => {
  const { token: before } = ok(await login(postern, "admin", PASSWORD));
  const { code, said } = await admin("reset-password", " Admin ", "--persist-to", folder);
  assert.equal(code, 0, said);
  const [, password] = said.match(/^ {4}([\w-]{24})$/m);

  refused(await me(postern, before), 401, "invalid_token");
  const events = await postern.sql("SELECT action, result, actor_id, address FROM events ORDER BY id DESC LIMIT 1");
  assert.deepEqual(events, [{ action: "password_reset_completed", result: "success", actor_id: null, address: "terminal" }]);
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

test("it changes the account that is named, and nothing of anybody else's", async () => {
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

test("a new password works at an address that is blocked for its wrong guesses", async () => {
  const guess = () => login(postern, "ada@example.com", "wrong password");
  const statuses = [];
  while (statuses.length < 21) statuses.push((await guess()).status);
  assert.deepEqual(statuses, [...Array(20).fill(401), 429]);
  const { code, said } = await admin("reset-password", "ada@example.com", "--persist-to", folder);
  assert.equal(code, 0, said);
  const [, password] = said.match(/^ {4}([\w-]{24})$/m);
  ok(await login(postern, "ada@example.com", password));
});

test("for an account that is not there, and for what is no command, it says so and changes nothing", async () => {
  const users = await postern.sql("SELECT * FROM users ORDER BY id");
  const unknown = await admin("reset-password", "nobody@example.com", "--persist-to", folder);
  assert.equal(unknown.code, 1);
  assert.match(unknown.said, /There is no account nobody@example\.com/);
  for (const args of [[], ["reset-password"], ["reset", "admin"], ["reset-password", "admin", "--env", "elsewhere"]]) {
    const { code, said } = await admin(...args);
    assert.equal(code, 1, said);
    assert.match(said, /npm run admin -- reset-password EMAIL/);
  }
  assert.deepEqual(await postern.sql("SELECT * FROM users ORDER BY id"), users);
});
