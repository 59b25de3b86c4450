// The built Worker on the real runtime, on this machine, for as long as a script needs it: with empty stores that are gone
// afterwards, and without a way to the net.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./run.mjs";

/** Starts it with `bindings` as its settings, and hands to `work` a way to ask it, its database, and its log of failures. */
export async function withWorker(bindings, work) {
  const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await import("miniflare");
  const wrangler = await import("wrangler");
  const config = wrangler.unstable_readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });
  const { modulesRules, assets, ...workerOptions } = quietly(() =>
    wrangler.unstable_getMiniflareWorkerOptions(config),
  ).workerOptions;
  const failures = [];
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      ...workerOptions,
      name: config.name,
      modulesRoot: dirname(config.main),
      modules: [
        { type: "ESModule", path: config.main },
        { type: "CompiledWasm", path: join(dirname(config.main), "index_bg.wasm") },
      ],
      bindings,
      outboundService: () => new Response(null, { status: 503 }),
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: ({ level, message }) => level === "error" && failures.push(message),
    }),
  );
  try {
    const database = await runtime.getD1Database("DB");
    const [{ migrations_dir: folder }] = config.d1_databases;
    for (const name of readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".sql"))
      .sort()) {
      const statements = wrangler.unstable_splitSqlQuery(readFileSync(join(root, folder, name), "utf8"));
      await database.batch(statements.map((statement) => database.prepare(statement)));
    }
    return await work({
      database,
      failures,
      fetch: (path, init) => runtime.dispatchFetch(`https://localhost${path}`, init),
    });
  } finally {
    await runtime.dispose();
  }
}

/** Without what wrangler says on the way: that it reads a developer's .dev.vars, of which nothing is used here. */
function quietly(work) {
  const { WRANGLER_LOG: before } = process.env;
  process.env.WRANGLER_LOG = "warn";
  try {
    return work();
  } finally {
    if (before === undefined) delete process.env.WRANGLER_LOG;
    else process.env.WRANGLER_LOG = before;
  }
}
