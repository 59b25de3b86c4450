// The version number is the same everywhere, and the changelog is in order.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../scripts/lib/run.mjs";

const read = (path) => readFileSync(join(root, path), "utf8");
const { version } = read("Cargo.toml").match(/^version = "(?<version>[^"]+)"$/m).groups;
const changelog = read("CHANGELOG.md");

test("Cargo.toml, the lock files, the client and the latest release in the changelog have the same version", () => {
  const client = JSON.parse(read("clients/typescript/package.json"));
  const lock = JSON.parse(read("package-lock.json")).packages["clients/typescript"];
  const example = JSON.parse(read("examples/worker/package.json"));
  const [, crate] = read("Cargo.lock").match(/^name = "postern"\nversion = "([^"]+)"$/m);
  const [, released] = changelog.match(/^## \[(\d[^\]]*)\]/m);
  const found = [client.version, lock.version, crate, released, example.dependencies["postern-client"]];
  assert.deepEqual(found, [version, version, version, version, `^${version}`]);
});

test("the changelog has unreleased changes first, then dated releases, newest first, under the usual headings", () => {
  const releases = changelog.match(/^## .*$/gm);
  assert.equal(releases[0], "## [Unreleased]");
  const dates = releases.slice(1).map((line) => line.match(/^## \[\d+\.\d+\.\d+\] - (\d{4}-\d{2}-\d{2})$/)?.[1]);
  assert.ok(dates.length > 0 && dates.every(Boolean), String(releases));
  assert.deepEqual(dates, dates.toSorted().reverse());
  const usual = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
  for (const [, heading] of changelog.matchAll(/^### (.*)$/gm)) assert.ok(usual.includes(heading), heading);
});
