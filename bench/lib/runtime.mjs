// A Worker on workerd for a bench. All contestants start through here, so that they differ in nothing but themselves.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { root } from "../../scripts/lib/run.mjs";

const config = unstable_readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });

/**
 * The bindings and the compatibility date of wrangler.toml, for whoever wants the same; but for the assets, for which
 * Miniflare has two Workers more in JavaScript before ours, through which each request would pass. On Cloudflare that is
 * the platform's.
 */
const { modulesRules, ratelimits, assets, ...wranglerOptions } =
  unstable_getMiniflareWorkerOptions(config).workerOptions;
export const { compatibilityDate, d1Databases } = wranglerOptions;

/**
 * The built Worker as deployed, with these settings. workers/postern.mjs is between it and the platform. With `hasNames`, the functions
 * have their names.
 */
export function postern(settings, { hasNames = false } = {}) {
  const folder = dirname(config.main);
  const contents = readFileSync(join(root, "bench", "workers", "postern.mjs"), "utf8");
  return {
    ...wranglerOptions,
    modulesRoot: folder,
    modules: [
      { type: "ESModule", path: join(folder, "postern.mjs"), contents },
      { type: "ESModule", path: config.main },
      {
        type: "CompiledWasm",
        path: join(folder, "index_bg.wasm"),
        contents: readFileSync(join(folder, hasNames ? "names.wasm" : "index_bg.wasm")),
      },
    ],
    bindings: { ...config.vars, ...settings },
  };
}

/** The settings with which a bench runs Postern: what a deployment has, but the mail stays here. */
export const settings = {
  ENVIRONMENT: "local",
  AUTH_SECRET: "an-auth-secret-that-is-known-to-every-reader-of-the-benches",
  APP_URL: "http://localhost",
  MAIL_PROVIDER: "outbox",
  DEFAULT_ADMIN: "open",
};

export class Runtime {
  /** Where the Worker answers, with nothing of Miniflare's in front of it. */
  url;
  #options;
  #miniflare;
  #process;

  /**
   * @param {object} worker Options of one Worker, as Miniflare takes them.
   * @param {object} [shared] Options of the runtime, such as `inspectorPort`.
   */
  static async start(worker, shared = {}) {
    const runtime = new Runtime();
    const state = await mkdtemp(join(tmpdir(), "postern-bench-"));
    runtime.#options = { worker, shared: { ...shared, resourcePersistencePath: state } };
    try {
      await runtime.#begin();
    } catch (error) {
      await runtime.stop();
      throw error;
    }
    return runtime;
  }

  async #begin() {
    const { worker, shared } = this.#options;
    const processes = [];
    // What is started is known of a process only later.
    /** @param {any} message */
    const note = ({ process }) => processes.push({ process, began: performance.now() });
    subscribe("child_process", note);
    this.#miniflare = new Miniflare(
      convertV4MiniflareOptions({
        name: "contestant",
        ...worker,
        ...shared,
        // The Worker's own socket: without it every request would pass through a Worker of Miniflare's first.
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        host: "127.0.0.1",
        port: 0,
        cf: false,
        log: new Log(LogLevel.NONE),
        handleStructuredLogs: ({ level, message }) => {
          if (level === "error") console.error(`\n${message}`);
        },
      }),
    );
    await this.#miniflare.ready.finally(() => unsubscribe("child_process", note));
    this.url = (await this.#miniflare.unsafeGetDirectURL()).origin;
    const workerd = processes.find(({ process }) => /^workerd(\.exe)?$/.test(basename(process.spawnfile)));
    this.#process = workerd.process;
    return workerd.began;
  }

  /** Starts the runtime anew on the same state. Returns the milliseconds from the start of its process to the end of `ask`. */
  async restart(ask) {
    await this.#miniflare.dispose();
    const began = await this.#begin();
    await ask();
    return performance.now() - began;
  }

  /** Where the inspector of the Worker listens, if the runtime was started with an `inspectorPort`. */
  async inspector() {
    const targets = await (
      await fetch(new URL("/json", (await this.#miniflare.getInspectorURL()).href.replace("ws:", "http:")))
    ).json();
    return targets.find(({ id }) => id.endsWith(":contestant")).webSocketDebuggerUrl;
  }

  get database() {
    return this.#miniflare.getD1Database("DB");
  }

  /** Runs one statement on the Worker's D1, past the Worker. */
  async sql(query, ...values) {
    return (
      await (
        await this.database
      )
        .prepare(query)
        .bind(...values)
        .all()
    ).results;
  }

  /** Brings the schema of this repository into the database. */
  async migrate() {
    const folder = join(root, config.d1_databases[0].migrations_dir);
    const database = await this.database;
    for (const name of (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort()) {
      const statements = unstable_splitSqlQuery(await readFile(join(folder, name), "utf8"));
      await database.batch(statements.map((statement) => database.prepare(statement)));
    }
  }

  /** The CPU time that the runtime has used so far, in milliseconds; nothing where the system does not tell. */
  cpu() {
    try {
      const fields = readFileSync(`/proc/${this.#process.pid}/stat`, "utf8").split(") ")[1].split(" ");
      // utime and stime, in hundredths of a second (proc(5)).
      return (Number(fields[11]) + Number(fields[12])) * 10;
    } catch {
      return undefined;
    }
  }

  async stop() {
    await this.#miniflare?.dispose();
    await rm(this.#options.shared.resourcePersistencePath, { recursive: true, force: true, maxRetries: 5 });
  }
}
