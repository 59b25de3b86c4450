// Compiles the crate to WebAssembly with its JavaScript bindings, for the Worker and for the primitives that tests and benchmarks
// call without its endpoints.

import { join } from "node:path";
import { root, run } from "./run.mjs";
import { lockedInCi, target } from "./tools.mjs";

// Only features that workerd supports.
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
 * Creates `index.js` and `index_bg.wasm` in a folder.
 *
 * @param {object} tools The result of `installTools`.
 * @param {object} from
 * @param {string[]} from.cargo The Cargo arguments that select what to compile.
 * @param {string} from.made The path of Cargo's output in its folder of release builds.
 * @param {string[]} from.bindgen The arguments of wasm-bindgen.
 * @param {string} from.problem The message in case of a failure.
 */
export async function compileWasm(tools, { cargo, made, bindgen, problem }, folder) {
  const step = (program, args) => run(program, args, { problem, advice: "Fix the problems above and try again." });
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
  // Keeps function names, for stack traces and profiles.
  await step("wasm-opt", ["-O", "--debuginfo", ...features.map((feature) => `--enable-${feature}`), wasm, "-o", wasm]);
}
