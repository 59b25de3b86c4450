// Builds an example of the crate as a separate wasm module, compiled and packed like the Worker, if its sources have changed.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprint } from "../build.mjs";
import { root, say } from "./run.mjs";
import { installTools } from "./tools.mjs";
import { compileWasm } from "./wasm.mjs";

/** Returns the folder of an example's module, `index.js` and `index_bg.wasm`. */
export function folderOf(name) {
  return join(root, "target", name);
}

/**
 * Builds the module of an example, unless it is up to date.
 *
 * @param {string} name The example in Cargo.toml.
 * @param {string[]} sources The files and folders that it depends on.
 * @param {string} what Its description on the terminal.
 */
export async function buildExample(name, sources, what) {
  const tools = await installTools();
  const folder = folderOf(name);
  const stamp = join(folder, ".stamp");
  const wanted = fingerprint([...sources, "scripts/lib/example.mjs"], tools.versions);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;

  say(`Compiling ${what}: about two minutes the first time, then less.`);
  rmSync(folder, { recursive: true, force: true });
  const example = {
    cargo: ["--quiet", "--example", name],
    made: join("examples", `${name}.wasm`),
    bindgen: ["--target", "web"],
  };
  await compileWasm(tools, { ...example, problem: `Cannot compile ${what}.` }, folder);
  writeFileSync(stamp, wanted);
}
