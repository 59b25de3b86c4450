// Runs the backup and restore commands of docs/moving.md as written there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";
import { login, me, ok, refused, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folders = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A folder in which wrangler uses a test's state as the local state. */
async function checkout(postern) {
  const folder = await mkdtemp(join(tmpdir(), "postern-backup-"));
  folders.push(folder);
  await copyFile(join(root, "wrangler.toml"), join(folder, "wrangler.toml"));
  await mkdir(join(folder, ".wrangler", "state"), { recursive: true });
  await symlink(postern.state, join(folder, ".wrangler", "state", "v3"), "junction");
  return folder;
}

/** Runs the command of the document that starts with this text, with --local. */
async function run(document, beginning, folder) {
  const line = document.split("\n").find((line) => line.startsWith(`npx wrangler ${beginning}`));
  const words = line.split("#")[0].trim().replace("--remote", "--local").split(/\s+/).slice(2);
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_WRITE_LOGS: "false", CI: "true" };
  const wrangler = spawn(process.execPath, [join(root, "node_modules", "wrangler", "bin", "wrangler.js"), ...words], {
    cwd: folder,
    env,
  });
  let seen = "";
  for (const stream of [wrangler.stdout, wrangler.stderr]) stream.on("data", (data) => (seen += data));
  const [code] = await once(wrangler, "exit");
  assert.equal(code, 0, seen);
}

test("users of an exported database can log in after importing it into another", async () => {
  const document = await readFile(join(root, "docs", "moving.md"), "utf8");
  const postern = await startPostern();
  let restored;
  try {
    const ada = await signUp(postern, "ada@example.com");
    const folder = await checkout(postern);
    await run(document, "d1 export", folder);
    ok(await signUp(postern, "too-late@example.com").then(({ token }) => me(postern, token)));

    restored = await startPostern({ isEmpty: true, settings: { APP_URL: postern.url } });
    const target = await checkout(restored);
    await copyFile(join(folder, "postern.sql"), join(target, "postern.sql"));
    await run(document, "d1 execute", target);
    await restored.restart();

    assert.equal(ok(await login(restored, "ada@example.com")).user.id, ada.user.id);
    assert.deepEqual(ok(await me(restored, ada.token)), ada.user, "with the same AUTH_SECRET the session goes on");
    refused(await login(restored, "too-late@example.com"), 401, "wrong_credentials");
    const tables =
      "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' ORDER BY name";
    assert.deepEqual(
      await restored.sql(tables),
      await postern.sql(tables),
      "tables, indexes and triggers are all there",
    );
  } finally {
    await postern.stop();
    await restored?.stop();
  }
});
