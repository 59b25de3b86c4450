// What is deployed where: wrangler.toml as it is for production, and for another environment the same Worker under
// another name, with a database, a namespace and a limiter of its own.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, root } from "./run.mjs";
import { isSecret, settingNames } from "./settings.mjs";

export const environments = ["production", "staging"];

/**
 * wrangler.toml for an environment. What `[env.<name>]` says there wins, which is where routes and variables stand that
 * differ; bindings are the same everywhere and stand there once.
 */
export async function configuration(environment) {
  const { experimental_readRawConfig: readRawConfig } = await import("wrangler");
  const { rawConfig } = readRawConfig({ config: join(root, "wrangler.toml") });
  const { env = {}, build, ...everywhere } = structuredClone(rawConfig);
  const own = structuredClone(env[environment] ?? {});
  const vars = { ...everywhere.vars, ...own.vars, ENVIRONMENT: environment };
  if (environment === "production") return withoutOldVersions({ ...everywhere, ...own, vars });

  // Nothing of production's is touched: not its routes, nor its stores, nor what its limiter has counted.
  const { route, routes, ...shared } = everywhere;
  const named = (name) => `${name}-${environment}`;
  return withoutOldVersions({
    ...shared,
    name: named(shared.name),
    d1_databases: shared.d1_databases.map(({ database_id, ...database }) => ({
      ...database,
      database_name: named(database.database_name),
    })),
    kv_namespaces: shared.kv_namespaces.map(({ id, ...namespace }) => namespace),
    ratelimits: shared.ratelimits.map((limiter) => ({
      ...limiter,
      namespace_id: `${Number(limiter.namespace_id) + environments.indexOf(environment)}`,
    })),
    ...(shared.analytics_engine_datasets && {
      analytics_engine_datasets: shared.analytics_engine_datasets.map((counters) => ({
        ...counters,
        dataset: `${counters.dataset}_${environment}`,
      })),
    }),
    ...own,
    vars,
  });
}

/** Whether a configuration has an address of the owner's: a route or a custom domain. */
export function hasRoute({ route, routes = [] }) {
  return Boolean(route) || routes.length > 0;
}

/**
 * The configuration without addresses at which old code would run on the live database with old secrets: the preview URLs of
 * versions are off, and so is workers.dev once there is a route.
 *
 * @throws {Failure} if wrangler.toml switches one of them on.
 */
export function withoutOldVersions(config) {
  const advice = "Remove the line from wrangler.toml: `npm run deploy` sets the right value.";
  if (config.preview_urls)
    throw new Failure("preview_urls is on: every old version would stay reachable at an address of its own.", advice);
  if (config.workers_dev && hasRoute(config))
    throw new Failure("workers_dev is on although there is a route: the Worker would have a second address.", advice);
  return { ...config, preview_urls: false, workers_dev: !hasRoute(config) };
}

/** The name of the KV namespace of a Worker. wrangler.toml names databases, but knows no names of namespaces. */
export function namespaceName({ name }) {
  return `${name}-kv`;
}

/**
 * Writes a configuration for wrangler, and returns where. It stands in a folder that git ignores, so its paths are made
 * absolute; the build command is left out, because what is deployed has been built and looked at before.
 */
export function writeConfiguration(environment, config) {
  const absolute = (path) => join(root, path);
  const placed = {
    ...config,
    main: absolute(config.main),
    d1_databases: config.d1_databases.map((database) => ({
      ...database,
      migrations_dir: absolute(database.migrations_dir),
    })),
    ...(config.assets?.directory && { assets: { ...config.assets, directory: absolute(config.assets.directory) } }),
  };
  const folder = absolute(".wrangler");
  const path = join(folder, `deploy-${environment}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `${JSON.stringify(placed, null, 2)}\n`);
  return path;
}

/**
 * Puts together what a deployment is told. For a setting, the environment of this command comes first, then wrangler.toml,
 * then what the deployment has already; an empty variable is none. Secrets that it has stay unless a new one is given.
 */
export function settingsOf(config, given, live) {
  const known = Object.entries(given).filter(([name]) => settingNames.includes(name) && name !== "ENVIRONMENT");
  const named = known.filter(([, value]) => value !== "");
  const vars = { ...live?.vars, ...config.vars, ...Object.fromEntries(known.filter(([name]) => !isSecret(name))) };
  return {
    vars: Object.fromEntries(Object.entries(vars).filter(([, value]) => value !== "")),
    secrets: Object.fromEntries(named.filter(([name]) => isSecret(name))),
    keptSecrets: (live?.secrets ?? []).filter((name) => !named.some(([other]) => other === name)),
  };
}

/** Adds an answer to what a deployment is told. */
export function withSetting(settings, name, value) {
  const kind = isSecret(name) ? "secrets" : "vars";
  return { ...settings, [kind]: { ...settings[kind], [name]: value } };
}
