// Starts the Worker's primitives (`primitives.rs`) on workerd.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig } from "wrangler";
import { buildPrimitives, folder } from "../../../scripts/lib/primitives.mjs";
import { root } from "../../../scripts/lib/run.mjs";

// Handles a call of `Primitives` below. It does not measure times, because the clock stands still during computations.
const worker = `
import { Buffer } from "node:buffer";
import { scryptSync } from "node:crypto";
import * as primitives from "./index.js";
import module from "./index_bg.wasm";
const { memory } = primitives.initSync({ module });
const functions = {
  ...primitives,
  memory_bytes: () => memory.buffer.byteLength,
  scrypt: (count, N, r, p) => {
    for (let number = 0; number < count; number++) scryptSync("password " + number, Buffer.alloc(16), 64, { N, r, p, maxmem: 256 * N * r });
  },
};
export default {
  async fetch(request) {
    const [name, ...values] = await request.json();
    return Response.json({ result: await functions[name](...values) });
  },
};`;

/** Builds the module if needed, and starts it on a separate workerd. */
export async function startPrimitives() {
  await buildPrimitives();
  // The modules that wasm-bindgen generates: bindings and snippets of crates.
  const scripts = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js"));
  const processes = [];
  /** @param {any} message */
  const note = ({ process }) => processes.push(process);
  subscribe("child_process", note);
  const { compatibility_date } = unstable_readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      name: "primitives",
      compatibilityDate: compatibility_date,
      compatibilityFlags: ["nodejs_compat"],
      modulesRoot: folder,
      modules: /** @type {import("miniflare").V4ModuleDefinition[]} */ ([
        { type: "ESModule", path: join(folder, "worker.mjs"), contents: worker },
        ...scripts.map((path) => ({ type: "ESModule", path: join(folder, path) })),
        { type: "CompiledWasm", path: join(folder, "index_bg.wasm") },
      ]),
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
    }),
  );
  const url = await runtime.ready.finally(() => unsubscribe("child_process", note));
  return {
    /** The runtime's process id. */
    pid: processes.find(({ spawnfile }) => /^workerd(\.exe)?$/.test(basename(spawnfile))).pid,
    /** Calls a function of the module, `scrypt` of node:crypto, or `memory_bytes`. */
    async call(name, ...values) {
      const answer = await fetch(url, { method: "POST", body: JSON.stringify([name, ...values]) });
      if (!answer.ok) throw new Error(`${name} failed: ${await answer.text()}`);
      return (await answer.json()).result;
    },
    stop: () => runtime.dispose(),
  };
}
