// The primitives of the Worker as a module of their own, which tests and benches on workerd call past its endpoints:
// compiled and packed as the Worker is.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprint, inputs } from "../build.mjs";
import { root, run, say } from "./run.mjs";
import { installTools, lockedInCi, target } from "./tools.mjs";

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
  const advice = "Mend what is named above and try again.";
  await run("cargo", ["build", "--quiet", ...lockedInCi, "--release", "--target", target, "--example", "primitives"], { advice });
  const built = join(root, "target", target, "release", "examples", "primitives.wasm");
  rmSync(folder, { recursive: true, force: true });
  await run(tools.wasmBindgen, [built, "--target", "web", "--no-typescript", "--out-dir", folder], { advice });
  const wasm = join(folder, "primitives_bg.wasm");
  await run("wasm-opt", ["-O", "--all-features", wasm, "-o", wasm], { advice });
  writeFileSync(stamp, wanted);
}
