import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { published } from "../../bench/lib/report.mjs";
import { startPostern } from "./support/postern.mjs";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

test("the curl tour works as written", async () => {
  const [, tour] = (await read("docs/tour.md")).match(/```sh\n([\s\S]*?)```/);
  const script = [
    "set -euo pipefail",
    // Fail on any error response, and on a call that hangs.
    'curl() { command curl --fail-with-body --max-time 30 "$@"; }',
    tour.replaceAll("http://localhost:8787", postern.url),
  ].join("\n");

  const shell = spawn("bash", ["-s"], { stdio: ["pipe", "pipe", "pipe"] });
  let seen = "";
  for (const stream of [shell.stdout, shell.stderr]) stream.on("data", (data) => (seen += data));
  shell.stdin.end(script);
  const [code] = await once(shell, "exit");

  assert.equal(code, 0, seen);
  const promised = tour.match(/\btrue\b/g).length;
  assert.equal(seen.replaceAll(/\{.*?\}/g, "").match(/true/g).length, promised, seen);
  assert.match(seen, /"email":"ada\d+@example.com"/);
  assert.match(seen, /\[\{"token":"\w{10}"/);
});

test("the benchmark table and chart in the docs match the newest record", () => {
  for (const { path, is, should } of published())
    assert.equal(is, should, `${path} is not what the record makes of it`);
});
