// From the crate to WebAssembly and the JavaScript around it, the same way for whatever of it runs on workerd: the Worker
// itself, and what tests and benches call past its endpoints.

import { join } from "node:path";
import { root, run } from "./run.mjs";
import { lockedInCi, target } from "./tools.mjs";

// None that workerd may not know yet.
const features = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "bulk-memory",
  "multivalue",
  "reference-types",
  "exception-handling",
  "simd",
];

/**
 * Makes `index.js` and `index_bg.wasm` in a folder.
 *
 * @param {object} tools As `installTools` returns them.
 * @param {object} from
 * @param {string[]} from.cargo What of the crate is to be compiled.
 * @param {string} from.made What Cargo calls it, from its folder of release builds.
 * @param {string[]} from.bindgen How wasm-bindgen is to bind it.
 * @param {string} from.problem What to say when it fails.
 */
export async function compileWasm(tools, { cargo, made, bindgen, problem }, folder) {
  const step = (program, args) => run(program, args, { problem, advice: "Mend what is named above and try again." });
  await step("cargo", [
    "build",
    "--release",
    "--target",
    target,
    "--target-dir",
    join(root, "target"),
    ...lockedInCi,
    ...cargo,
  ]);
  await step(tools.wasmBindgen, [
    "--no-typescript",
    "--out-name",
    "index",
    "--out-dir",
    folder,
    ...bindgen,
    join(root, "target", target, "release", made),
  ]);
  const wasm = join(folder, "index_bg.wasm");
  // The names of functions stay in it, for stacks and profiles.
  await step("wasm-opt", ["-O", "--debuginfo", ...features.map((feature) => `--enable-${feature}`), wasm, "-o", wasm]);
}
