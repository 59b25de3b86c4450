// Gives scripts access to the Worker's D1 database, local or deployed, through wrangler's bindings.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Failure, root } from "./run.mjs";

const binding = "DB";
const config = join(root, "wrangler.toml");

/**
 * Opens the database.
 *
 * @param {object} options
 * @param {boolean} [options.remote] Opens the deployed database instead of the local one.
 * @param {string} [options.environment] The environment of wrangler.toml.
 * @param {string} [options.persistTo] The folder of the local state instead of .wrangler/state, like wrangler's `--persist-to`.
 */
export async function openDatabase({ remote = false, environment, persistTo } = {}) {
  const { getPlatformProxy, unstable_readConfig: readConfig } = await import("wrangler");
  if (!remote) {
    const persist = persistTo
      ? { path: join(resolve(persistTo), "v3") }
      : { path: join(root, ".wrangler", "state", "v3") };
    return open(await getPlatformProxy({ configPath: config, environment, persist, remoteBindings: false }));
  }

  const database = readConfig({ config, env: environment }, { hideWarnings: true }).d1_databases.find(
    (one) => one.binding === binding,
  );
  if (!database?.database_id) {
    throw new Failure(
      "wrangler.toml has no database_id of a deployed D1 database.",
      "Deploy first: the deployment writes the database_id to wrangler.toml.",
    );
  }
  // Binds only the database, because these scripts need nothing else of the deployment.
  const folder = mkdtempSync(join(tmpdir(), "postern-d1-"));
  const { database_name, database_id } = database;
  const d1_databases = [{ binding, database_name, database_id, remote: true }];
  const configPath = join(folder, "wrangler.json");
  writeFileSync(configPath, JSON.stringify({ name: "postern-users", compatibility_date: "2026-11-17", d1_databases }));
  try {
    return open(await getPlatformProxy({ configPath, persist: false }));
  } catch (error) {
    throw new Failure(
      `The deployed database cannot be reached: ${error.message}`,
      "Log in with `npx wrangler login`, then try again.",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the `SERVICE_NAME` of an environment, if it is set here. */
export async function serviceName(environment) {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  return (
    process.env.SERVICE_NAME ||
    readConfig({ config, env: environment }, { hideWarnings: true }).vars?.SERVICE_NAME ||
    undefined
  );
}

function open(platform) {
  return { ...queries(platform.env[binding]), close: () => platform.dispose() };
}

/** Wraps a D1 database for scripts. */
export function queries(d1) {
  /** Runs statements, `[sql, ...values]`, in one transaction. Returns the rows of each. */
  async function batch(statements) {
    try {
      const results = await d1.batch(statements.map(([sql, ...values]) => d1.prepare(sql).bind(...values)));
      return results.map(({ results }) => results);
    } catch (error) {
      if (!/no such (table|column)/.test(error.message)) throw error;
      throw new Failure(
        `The database does not have the schema of this version: ${error.message}`,
        `Apply the migrations: \`npx wrangler d1 migrations apply ${binding}\`, with --local or --remote.`,
      );
    }
  }
  return {
    batch,
    /** Runs one statement. Returns its rows. */
    query: async (sql, ...values) => (await batch([[sql, ...values]]))[0],
  };
}
