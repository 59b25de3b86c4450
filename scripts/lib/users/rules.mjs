// The Worker's rules for users as a module for Node, so that scripts do not duplicate them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildExample, folderOf } from "../example.mjs";

const folder = folderOf("rules");
const sources = [
  "src",
  "macros",
  "scripts/lib/users/rules.rs",
  "scripts/lib/users/rules.mjs",
  "scripts/lib/wasm.mjs",
  ".cargo",
  "Cargo.toml",
  "Cargo.lock",
  "rust-toolchain.toml",
];

/** Compiles the rules, unless they are up to date. */
export function buildRules() {
  return buildExample("rules", sources, "the rules for users");
}

let loaded;

/**
 * Loads the rules of `rules.rs`, compiling them first if needed. A rule that rejects a value throws the reason as a string.
 *
 * @returns {Promise<{read_email: Function, local_part: Function, read_name: Function, check_hash: Function, matches: Function,
 *   second_factor_key_id: Function, is_public_key: Function}>}
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
