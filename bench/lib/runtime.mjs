// Runs a Worker on workerd for a benchmark. All contestants start here, so that they run under the same conditions.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { root } from "../../scripts/lib/run.mjs";
import { namedModule } from "../../scripts/lib/wasm.mjs";

const config = unstable_readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });

/**
 * The bindings and the compatibility date of wrangler.toml, without the assets: Miniflare would send each request through two
 * more Workers for them. On Cloudflare, the platform serves assets.
 */
const { modulesRules, ratelimits, assets, ...wranglerOptions } =
  unstable_getMiniflareWorkerOptions(config).workerOptions;
export const { compatibilityDate, d1Databases } = wranglerOptions;

/**
 * Returns the built Worker as deployed, with these settings, wrapped by a module of workers/. With `hasNames`, the functions have
 * their names.
 */
export function postern(settings, { entry = "postern.mjs", hasNames = false } = {}) {
  const folder = dirname(config.main);
  const wrappers = [...new Set([entry, "postern.mjs"])];
  return {
    ...wranglerOptions,
    modulesRoot: folder,
    modules: [
      ...wrappers.map((name) => ({
        type: "ESModule",
        path: join(folder, name),
        contents: readFileSync(join(root, "bench", "workers", name), "utf8"),
      })),
      { type: "ESModule", path: config.main },
      {
        type: "CompiledWasm",
        path: join(folder, "index_bg.wasm"),
        contents: readFileSync(hasNames ? join(root, namedModule) : join(folder, "index_bg.wasm")),
      },
    ],
    bindings: { ...config.vars, ...settings },
  };
}

/** The settings of Postern in a benchmark: those of a deployment, except that no mail leaves the machine. */
export const settings = {
  ENVIRONMENT: "local",
  AUTH_SECRET: "an-auth-secret-that-is-known-to-every-reader-of-the-benches",
  APP_URL: "http://localhost",
  MAIL_PROVIDER: "outbox",
  DEFAULT_ADMIN: "open",
};

export class Runtime {
  /** The address of the Worker, without a Worker of Miniflare in between. */
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
    // The program of a process is known only later.
    /** @param {any} message */
    const note = ({ process }) => processes.push({ process, began: performance.now() });
    subscribe("child_process", note);
    this.#miniflare = new Miniflare(
      convertV4MiniflareOptions({
        name: "contestant",
        ...worker,
        ...shared,
        // A direct socket. Without it, every request would pass through a Worker of Miniflare.
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

  /** Restarts the runtime on the same state. Returns the milliseconds from the start of its process to the end of `ask`. */
  async restart(ask) {
    await this.#miniflare.dispose();
    const began = await this.#begin();
    await ask();
    return performance.now() - began;
  }

  /** Runs another Worker on the same state. */
  async become(worker) {
    this.#options.worker = worker;
    await this.restart(() => {});
  }

  /** The address of the inspector, if the runtime was started with an `inspectorPort`. */
  async inspector() {
    const targets = await (
      await fetch(new URL("/json", (await this.#miniflare.getInspectorURL()).href.replace("ws:", "http:")))
    ).json();
    return targets.find(({ id }) => id.endsWith(":contestant")).webSocketDebuggerUrl;
  }

  get database() {
    return this.#miniflare.getD1Database("DB");
  }

  /** Runs one statement directly on the Worker's D1. */
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

  /** Applies the migrations of this repository. */
  async migrate() {
    const folder = join(root, config.d1_databases[0].migrations_dir);
    const database = await this.database;
    for (const name of (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort()) {
      const statements = unstable_splitSqlQuery(await readFile(join(folder, name), "utf8"));
      await database.batch(statements.map((statement) => database.prepare(statement)));
    }
  }

  /** Returns the CPU time of the runtime in milliseconds, or undefined if the system does not report it. */
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
