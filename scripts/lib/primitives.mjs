// The primitives of the Worker as a module of their own, which tests and benches on workerd call past its endpoints:
// compiled and packed as the Worker is.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprint, inputs } from "../build.mjs";
import { root, say } from "./run.mjs";
import { installTools } from "./tools.mjs";
import { compileWasm } from "./wasm.mjs";

const source = "tests/workerd/support/primitives.rs";
/** Where the module is put. */
export const folder = join(root, "target", "primitives");
const stamp = join(folder, ".stamp");
const sources = [...inputs, source, "scripts/lib/primitives.mjs"];

/** Builds the module. Does nothing when nothing changed. */
export async function buildPrimitives() {
  const tools = await installTools();
  const wanted = fingerprint(sources, tools.versions);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;

  say("Building the primitives for workerd: about two minutes the first time, then less.");
  rmSync(folder, { recursive: true, force: true });
  await compileWasm(tools, {
    cargo: ["--quiet", "--example", "primitives"],
    made: join("examples", "primitives.wasm"),
    bindgen: ["--target", "web"],
    problem: "The primitives could not be built.",
  }, folder);
  writeFileSync(stamp, wanted);
}
