// Compiles the crate to the Worker in build/ and bundles the pages in build/pages/, with everything that takes. Called by
// `npm run build`, by the other scripts and, through wrangler.toml, by `wrangler dev` and `wrangler deploy`. Does nothing
// when nothing changed.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { installPackages } from "./lib/packages.mjs";
import { buildPages, description, weight } from "./lib/pages.mjs";
import { main, root, say } from "./lib/run.mjs";
import { installTools } from "./lib/tools.mjs";
import { compileWasm, namedModule, withoutNames } from "./lib/wasm.mjs";

// Whatever can change the Worker. Mail templates and migrations may be included by the source.
const workerInputs = [
  "src",
  "macros",
  "migrations",
  "scripts/build.mjs",
  "scripts/lib/wasm.mjs",
  ".cargo",
  "askama.toml",
  "build.rs",
  "Cargo.toml",
  "Cargo.lock",
  "package-lock.json",
  "rust-toolchain.toml",
];
// The last one has the names of functions. It is not in build/, because wrangler uploads every module there.
const workerOutputs = ["build/index.js", "build/index_bg.wasm", namedModule];

const pagesInputs = ["pages", description, "scripts/lib/pages.mjs", "package-lock.json"];
const pagesOutputs = ["build/pages"];

export const inputs = [...new Set([...workerInputs, ...pagesInputs])];

/** Cargo features of the Worker, such as `wasm-bindgen-futures` (src/runtime/mod.rs). */
const features = process.env.POSTERN_FEATURES ?? "";

/** Returns whether there was anything to build. */
export async function build() {
  await installPackages();
  const tools = await installTools();
  const worker = await unlessDone("worker", workerInputs, workerOutputs, [...tools.versions, features], () =>
    buildWorker(tools),
  );
  const pages = await unlessDone("pages", pagesInputs, pagesOutputs, [], async () => {
    await buildPages();
    say(`build/pages: script and style of the page to sign in are ${kibibytes(weight("signin"))}, gzipped.`);
  });
  return worker || pages;
}

/** Makes outputs from inputs, unless they were made from just these before. Returns whether there was anything to do. */
async function unlessDone(name, inputs, outputs, versions, make) {
  const stamp = join(root, "build", `.stamp-${name}`);
  const before = fingerprint(inputs, versions);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === before + fingerprint(outputs)) return false;
  await make();
  writeFileSync(stamp, before + fingerprint(outputs));
  return true;
}

async function buildWorker(tools) {
  say("Building the Worker: about two minutes the first time, then less.");
  const made = join(root, "target", "worker");
  const wasm = join(root, workerOutputs[1]);
  await compileWasm(
    tools,
    {
      cargo: ["--lib", ...(features ? ["--features", features] : [])],
      made: "postern.wasm",
      // What traps is the end of one request and not of the isolate: the next one gets a new instance of the module.
      bindgen: ["--target", "module", "--force-enable-abort-handler"],
      problem: "The Worker could not be built.",
    },
    made,
  );
  mkdirSync(join(root, "build"), { recursive: true });
  writeFileSync(wasm, withoutNames(readFileSync(join(root, namedModule))));
  await bundle(made);
  const bytes = readFileSync(wasm);
  say(`build/index_bg.wasm: ${kibibytes(bytes.length)}, gzipped ${kibibytes(gzipSync(bytes, { level: 9 }).length)}.`);
}

/** One file of JavaScript beside the wasm, of src/worker.js and what wasm-bindgen made. */
async function bundle(made) {
  // Installed by now.
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(root, "src", "worker.js")],
    alias: { worker: join(made, "index.js") },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: "esnext",
    external: ["./index_bg.wasm", "cloudflare:*"],
  });
  // workerd knows a module of wasm by a plain import.
  writeFileSync(join(root, workerOutputs[0]), outputFiles[0].text.replace("import source ", "import "));
}

function kibibytes(bytes) {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

/** A hash over the content of files and folders, and over other values that matter. */
export function fingerprint(paths, values = []) {
  const hash = createHash("sha256").update(JSON.stringify(values));
  for (const path of paths.flatMap(filesUnder)) {
    hash.update(JSON.stringify(path)).update(
      createHash("sha256")
        .update(readFileSync(join(root, path)))
        .digest(),
    );
  }
  return hash.digest("hex");
}

function filesUnder(path) {
  const whole = join(root, path);
  if (!existsSync(whole)) return [];
  if (!statSync(whole).isDirectory()) return [path];
  return readdirSync(whole)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    if (!(await build())) say("build/ is up to date.");
  });
}
