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

/** The module of the Worker with the names of its functions, for profiles and stacks. */
export const namedModule = "target/worker/index_bg.wasm";

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

/** Returns a module without its custom section `name` (WebAssembly core specification, appendix "Name Section"). */
export function withoutNames(bytes) {
  const kept = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const [size, content] = leb128(bytes, at + 1);
    const [nameLength, name] = leb128(bytes, content);
    const isNames = id === 0 && bytes.toString("latin1", name, name + nameLength) === "name";
    if (!isNames) kept.push(bytes.subarray(at, content + size));
    at = content + size;
  }
  return Buffer.concat(kept);
}

/** Returns the names of the functions of a module by their numbers. */
export function functionNames(bytes) {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), "name");
  const text = Buffer.from(section ?? new ArrayBuffer(0));
  const names = new Map();
  for (let at = 0; at < text.length; ) {
    const kind = text[at];
    const [size, content] = leb128(text, at + 1);
    // Subsection 1 has the names of functions.
    if (kind === 1) {
      let [count, position] = leb128(text, content);
      for (; count > 0; count -= 1) {
        const [number, afterNumber] = leb128(text, position);
        const [length, name] = leb128(text, afterNumber);
        names.set(number, text.toString("utf8", name, name + length));
        position = name + length;
      }
    }
    at = content + size;
  }
  return names;
}

/** Reads an unsigned LEB128 integer. Returns it with the position after it. */
function leb128(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}
