// `npm start` from beginning to end, in a copy of the project whose path has a space, with its own database.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { installPackages } from "../../scripts/lib/packages.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const scripts = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts;
const startLimitMilliseconds = 180_000;

let copy;
let port;
let running;
before(async () => {
  // The copy shares the packages, so there must be nothing to install.
  await installPackages();
  copy = mkdtempSync(join(tmpdir(), "postern start-"));
  for (const name of readdirSync(root)) {
    if ([".git", ".wrangler", ".dev.vars"].includes(name)) continue;
    // Scripts find files relative to themselves, so these are copied. The rest, such as the build, is shared.
    if (name === "scripts" || name.endsWith(".toml")) cpSync(join(root, name), join(copy, name), { recursive: true });
    else symlinkSync(join(root, name), join(copy, name));
  }
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  port = /** @type {import("node:net").AddressInfo} */ (server.address()).port;
  server.close();
  await once(server, "close");
});
after(async () => {
  await stop();
  if (copy) rmSync(copy, { recursive: true, force: true });
});

/** Runs the command of an npm script as npm does. Returns the process and its output. */
function npm(name, ...args) {
  const { HOME, XDG_CACHE_HOME, CARGO_HOME, RUSTUP_HOME, PATH } = process.env;
  const [program, ...before] = scripts[name].split(" ");
  assert.equal(program, "node");
  const child = spawn(process.execPath, [...before, ...args], {
    cwd: copy,
    env: { HOME, XDG_CACHE_HOME, CARGO_HOME, RUSTUP_HOME, PATH, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const seen = { child, said: "" };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (seen.said += text));
  return seen;
}

/** Starts Postern and returns its output until it is ready. */
async function start() {
  running = npm("start");
  const end = Date.now() + startLimitMilliseconds;
  while (!running.said.includes("Press Ctrl-C to stop")) {
    assert.equal(running.child.exitCode, null, running.said);
    assert.ok(Date.now() < end, running.said);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return running.said;
}

async function stop() {
  if (!running || running.child.exitCode !== null) return;
  running.child.kill("SIGTERM");
  await once(running.child, "close");
}

async function send(method, path, json, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`http://localhost:${port}/api/auth/${path}`, {
    method,
    headers,
    body: JSON.stringify(json),
  });
  return { status: answer.status, body: await answer.json() };
}

test("npm start shows admin / admin only while that works, and otherwise the command for a new password", async () => {
  const first = await start();
  assert.match(first, /^ {2}Sign in as admin \/ admin:$/m);
  assert.doesNotMatch(first, /reset-password|Warning/);
  const { status, body } = await send("POST", "login", { email: "admin", password: "admin" });
  assert.equal(status, 200);
  await stop();

  assert.match(await start(), /^ {2}Sign in as admin \/ admin:$/m);
  const change = await send(
    "PUT",
    "me/password",
    { old_password: "admin", new_password: "correct horse battery" },
    body.token,
  );
  assert.equal(change.status, 200);
  await stop();

  const later = await start();
  assert.doesNotMatch(later, /admin \/ admin|Warning/);
  const command = later.match(/^ {4}npm run (admin) -- (reset-password) (admin)$/m);
  assert.ok(command, later);

  const { child, said } = await ended(npm(...command.slice(1)));
  assert.equal(child.exitCode, 0, said);
  assert.doesNotMatch(said, /Warning/);
  const [, password] = said.match(/^ {4}([\w-]{24})$/m);
  assert.equal((await send("POST", "login", { email: "admin", password })).status, 200);
});

async function ended(seen) {
  await once(seen.child, "close");
  return seen;
}
