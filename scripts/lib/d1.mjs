// The Worker's D1 for a script: the database of this machine, or that of a deployment, through wrangler's own bindings.

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
 * @param {boolean} [options.remote] The one of the deployment; else the one of this machine.
 * @param {string} [options.environment] The environment of wrangler.toml.
 * @param {string} [options.persistTo] Where the state of this machine is, if not in .wrangler/state: as wrangler's own
 *   `--persist-to`.
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
      "wrangler.toml names no D1 database of a deployment.",
      "Deploy first; then its database_id stands in wrangler.toml.",
    );
  }
  // Of all that the Worker has, the database alone: a script that only moves users touches nothing else of the deployment.
  const folder = mkdtempSync(join(tmpdir(), "postern-d1-"));
  const { database_name, database_id } = database;
  const d1_databases = [{ binding, database_name, database_id, remote: true }];
  const configPath = join(folder, "wrangler.json");
  writeFileSync(configPath, JSON.stringify({ name: "postern-users", compatibility_date: "2026-11-17", d1_databases }));
  try {
    return open(await getPlatformProxy({ configPath, persist: false }));
  } catch (error) {
    throw new Failure(
      `The database of the deployment cannot be reached: ${error.message}`,
      "Log in with `npx wrangler login`, then try again.",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the `SERVICE_NAME` of an environment, if it has one here. */
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

/** What a script asks of a D1 database, whoever opened it. */
export function queries(d1) {
  return {
    /** Runs one statement. Returns its rows. */
    async query(sql, ...values) {
      try {
        return (
          await d1
            .prepare(sql)
            .bind(...values)
            .all()
        ).results;
      } catch (error) {
        if (!/no such (table|column)/.test(error.message)) throw error;
        throw new Failure(
          `The database has not the schema of this version: ${error.message}`,
          `Apply the migrations: \`npx wrangler d1 migrations apply ${binding}\`, with --local or --remote.`,
        );
      }
    },
  };
}
