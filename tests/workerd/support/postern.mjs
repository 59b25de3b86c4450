// Starts the built Worker on workerd for a test: the files of build/ as deployed, the bindings of wrangler.toml, and, in a
// separate folder, an empty KV and an empty D1 with the migrations.
//
// Uses Miniflare, the base of `wrangler dev`, directly, because wrangler's test harness loses state in a restart, reads the
// developer's .dev.vars, and has a proxy in front of the Worker that would weaken the concurrency tests.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { queries } from "../../../scripts/lib/d1.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));

// Generous, because it only turns a hanging runtime into an error. A start takes about a second.
const startLimitMilliseconds = 60_000;

/** The secret of the Worker under test. */
export const authSecret = "an-auth-secret-that-is-known-to-every-reader-of-the-tests";

/** The name of the Worker under test, for service bindings. */
export const NAME = "postern";

/** The default settings of tests: local development, with a public secret. */
const localSettings = {
  ENVIRONMENT: "local",
  AUTH_SECRET: authSecret,
  MAIL_PROVIDER: "outbox",
  DEFAULT_ADMIN: "open",
};

/**
 * Starts a Worker for a test.
 *
 * @param {object} [options]
 * @param {Record<string, string | undefined>} [options.settings] Settings that override wrangler.toml and those of
 *   local development; `undefined` removes a setting.
 * @param {((request: Request) => Response | Promise<Response>) | {node: import("node:http").RequestListener}}
 *   [options.outbound] Responds to outgoing requests of the Worker, for example to the mail provider. With `node`, it can
 *   also disconnect or never respond. Without it, outgoing requests fail, so no test reaches the network.
 * @param {number} [options.rateLimit] The limit of the rate limiter instead of the one in wrangler.toml.
 * @param {string} [options.bindings] Source text of a JavaScript object with bindings that the runtime cannot emulate.
 * @param {Uint8Array} [options.wasm] A module to use instead of the built one.
 * @param {{name: string, script: string, serviceBindings: Record<string, string>}[]} [options.inFront] Other Workers. The first one
 *   receives all requests; the others are reached through service bindings.
 * @param {boolean} [options.isEmpty] Whether to leave D1 without a schema.
 */
export async function startPostern({
  settings = {},
  outbound = refuse,
  rateLimit,
  bindings,
  wasm,
  inFront = [],
  isEmpty = false,
} = {}) {
  const state = await mkdtemp(join(tmpdir(), "postern-workerd-"));
  const postern = new Postern(state, settings, outbound, rateLimit, bindings, wasm, inFront);
  try {
    await postern.start();
    if (!isEmpty) await postern.migrate();
  } catch (error) {
    await postern.stop();
    throw error;
  }
  return postern;
}

class Postern {
  /** Where the Worker answers, such as `http://localhost:40123`. It is also its APP_URL unless that is a setting. */
  url;
  #port;
  #state;
  #settings;
  #outbound;
  #rateLimit;
  #bindings;
  #wasm;
  #inFront;
  #lines = [];
  #failures = [];
  #runtime;
  /** The processes started by the last start: only workerd, unless tests start concurrently. */
  #processes;

  constructor(state, settings, outbound, rateLimit, bindings, wasm, inFront) {
    this.#state = state;
    this.#settings = settings;
    this.#outbound = outbound;
    this.#rateLimit = rateLimit;
    this.#bindings = bindings;
    this.#wasm = wasm;
    this.#inFront = inFront;
  }

  /**
   * Sends an HTTP request to the Worker without following redirects. Uses https for deployed environments, unless `path` is
   * a complete URL.
   */
  fetch(path, init) {
    const isLocal = { ...localSettings, ...this.#settings }.ENVIRONMENT === "local";
    const url = new URL(path, isLocal ? this.url : this.url.replace("http:", "https:"));
    const options = { redirect: "manual", ...init };
    // The runtime treats this as an https request, without a certificate that needs to be trusted.
    return url.protocol === "https:" ? this.#runtime.dispatchFetch(url, options) : fetch(url, options);
  }

  /** Runs a SQL statement on the Worker's D1 without the Worker. Returns the rows. */
  async sql(query, ...parameters) {
    const database = await this.#runtime.getD1Database("DB", NAME);
    return (
      await database
        .prepare(query)
        .bind(...parameters)
        .all()
    ).results;
  }

  /** The Worker's D1 for the functions behind scripts. */
  get database() {
    const call =
      (method) =>
      async (...values) =>
        queries(await this.#runtime.getD1Database("DB", NAME))[method](...values);
    return { query: call("query"), batch: call("batch") };
  }

  /** The Worker's KV namespace, with `get`, `put`, `delete`, `list` and `getWithMetadata`. */
  get kv() {
    const namespace = this.#runtime.getKVNamespace("KV", NAME);
    const call =
      (method) =>
      async (...values) =>
        (await namespace)[method](...values);
    return Object.fromEntries(["get", "put", "delete", "list", "getWithMetadata"].map((name) => [name, call(name)]));
  }

  /** Runs the cron trigger as of `time`, in UNIX milliseconds. Resolves when the run has finished. */
  async scheduled(time) {
    const worker = await this.#runtime.getWorker(NAME);
    const { outcome } = await worker.scheduled({ scheduledTime: new Date(time) });
    if (outcome !== "ok") throw new Error(`the run of the cron trigger ended with ${outcome}`);
  }

  /** The errors that the Worker has written to the console since the first start, one string per line. */
  logs() {
    return [...this.#failures];
  }

  /** Everything that the Worker has written to the console since the first start, one string per line. */
  lines() {
    return [...this.#lines];
  }

  /** The logged events of requests, of work after their responses, and of runs of the cron trigger. */
  events() {
    return this.#lines.filter((line) => !this.#failures.includes(line)).map((line) => JSON.parse(line));
  }

  /** The folder with the SQLite files, which survive a restart. */
  get state() {
    return this.#state;
  }

  /** The process of the runtime. */
  get pid() {
    return this.#workerd().pid;
  }

  #workerd() {
    const running = this.#processes.filter(({ spawnfile }) => /^workerd(\.exe)?$/.test(basename(spawnfile)));
    if (running.length !== 1) throw new Error(`${running.length} runtimes were started at the same time`);
    return running[0];
  }

  /** Kills the runtime without a shutdown. `restart` starts it again. */
  async kill() {
    const running = this.#workerd();
    const ended = once(running, "exit");
    if (!running.kill("SIGKILL")) throw new Error("The runtime had ended before.");
    // Before Miniflare notices, because it would start another runtime by itself.
    await this.#runtime.dispose();
    this.#runtime = undefined;
    const [code, signal] = await ended;
    if (signal !== "SIGKILL") throw new Error(`The runtime was not killed, but ended with ${signal ?? code}.`);
  }

  /** Restarts the runtime on the same state, with `settings` overriding the previous ones. */
  async restart({ settings = {} } = {}) {
    await this.#runtime?.dispose();
    this.#settings = { ...this.#settings, ...settings };
    await this.start();
  }

  /** Stops the runtime and removes its state. Can be called again. */
  async stop() {
    await this.#runtime?.dispose();
    this.#runtime = undefined;
    await rm(this.#state, { recursive: true, force: true, maxRetries: 5 });
  }

  async start() {
    const config = unstable_readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });
    // The port stays the same after a restart, so that links in earlier mails still work.
    this.#port ??= await freePort();
    this.url = `http://localhost:${this.#port}`;
    const { modulesRules, ...workerOptions } = unstable_getMiniflareWorkerOptions(config).workerOptions;
    for (const { simple } of Object.values(workerOptions.ratelimits ?? {}))
      simple.limit = this.#rateLimit ?? simple.limit;
    const processes = [];
    this.#processes = processes;
    /** @param {any} message */
    const note = ({ process }) => processes.push(process);
    subscribe("child_process", note);
    const worker = {
      ...workerOptions,
      name: NAME,
      modulesRoot: dirname(config.main),
      modules: /** @type {import("miniflare").V4ModuleDefinition[]} */ ([
        ...this.#withBindings(config.main),
        { type: "ESModule", path: config.main },
        { type: "CompiledWasm", path: join(dirname(config.main), "index_bg.wasm"), contents: this.#wasm },
      ]),
      // Replaces wrangler's own settings, which include .dev.vars.
      bindings: defined({ ...config.vars, ...localSettings, APP_URL: this.url, ...this.#settings }),
      outboundService: this.#outbound,
    };
    const { compatibilityDate } = workerOptions;
    const others = this.#inFront.map((other) => ({ compatibilityDate, modules: true, ...other }));
    this.#runtime = new Miniflare(
      convertV4MiniflareOptions({
        workers: [...others, worker],
        host: "127.0.0.1",
        port: this.#port,
        cf: false,
        resourcePersistencePath: this.#state,
        log: new Log(LogLevel.NONE),
        handleStructuredLogs: ({ level, message }) => {
          this.#lines.push(message);
          if (level === "error") this.#failures.push(message);
        },
      }),
    );
    await within(startLimitMilliseconds, this.#runtime.ready).finally(() => unsubscribe("child_process", note));
  }

  /** A module that wraps the built one and adds bindings. */
  #withBindings(main) {
    if (!this.#bindings) return [];
    const contents = `import worker from "./${basename(main)}";
const withMore = (env) => ({ ...env, ...${this.#bindings} });
export default {
  fetch: (request, env, context) => worker.fetch(request, withMore(env), context),
  scheduled: (event, env, context) => worker.scheduled(event, withMore(env), context),
};`;
    return [{ type: "ESModule", path: join(dirname(main), "with-bindings.js"), contents }];
  }

  async migrate() {
    const { migrations_dir: folder } = unstable_readConfig({ config: join(root, "wrangler.toml") }).d1_databases[0];
    const database = await this.#runtime.getD1Database("DB", NAME);
    for (const name of (await readdir(join(root, folder))).filter((name) => name.endsWith(".sql")).sort()) {
      const statements = unstable_splitSqlQuery(await readFile(join(root, folder, name), "utf8"));
      await database.batch(statements.map((statement) => database.prepare(statement)));
    }
  }
}

/**
 * @param {Request} request
 * @returns {never}
 */
function refuse(request) {
  throw new Error(
    `The Worker called ${new URL(request.url).origin}; give startPostern an \`outbound\` that answers it.`,
  );
}

function defined(settings) {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** Chosen before the start, because APP_URL is one of the settings. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

async function within(milliseconds, promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(reject, milliseconds, new Error(`workerd was not ready after ${milliseconds / 1000} seconds.`));
  });
  return await Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
