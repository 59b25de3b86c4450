// The Worker's rules for emails, names and password hashes, as a module for Node: no script has rules of its own.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fingerprint } from "../../build.mjs";
import { root, say } from "../run.mjs";
import { installTools } from "../tools.mjs";
import { compileWasm } from "../wasm.mjs";

const folder = join(root, "target", "rules");
const stamp = join(folder, ".stamp");
const sources = ["src", "scripts/lib/users/rules.rs", "scripts/lib/users/rules.mjs", "scripts/lib/wasm.mjs", ".cargo", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"];

/** Compiles the rules. Does nothing if nothing has changed. */
export async function buildRules() {
  const tools = await installTools();
  const wanted = fingerprint(sources, tools.versions);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;

  say("Compiling the rules for users: about two minutes the first time, then less.");
  rmSync(folder, { recursive: true, force: true });
  await compileWasm(tools, {
    cargo: ["--quiet", "--example", "rules"],
    made: join("examples", "rules.wasm"),
    bindgen: ["--target", "web"],
    problem: "The rules for users could not be compiled.",
  }, folder);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  writeFileSync(stamp, wanted);
}

let loaded;

/**
 * Loads the rules of `rules.rs`, and compiles them first if need be. A rule that refuses a value throws the reason as a string.
 *
 * @returns {Promise<{read_email: Function, local_part: Function, read_name: Function, check_hash: Function, matches: Function}>}
 */
export function loadRules() {
  loaded ??= load();
  return loaded;
}

async function load() {
  await buildRules();
  const rules = await import(pathToFileURL(join(folder, "index.js")).href);
  rules.initSync({ module: readFileSync(join(folder, "index_bg.wasm")) });
  return rules;
}
