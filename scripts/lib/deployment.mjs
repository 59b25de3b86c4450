// The configuration of each environment: wrangler.toml for production, and for other environments the same Worker under another name
// with its own database, namespace and rate limiters.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, root } from "./run.mjs";
import { isSecret, isSetting } from "./settings.mjs";

export const environments = ["production", "staging"];

/**
 * Returns wrangler.toml for an environment. `[env.<name>]` wins, so routes and variables that differ go there. Bindings are the same
 * everywhere.
 */
export async function configuration(environment) {
  const { experimental_readRawConfig: readRawConfig } = await import("wrangler");
  const { rawConfig } = readRawConfig({ config: join(root, "wrangler.toml") });
  const { env = {}, build, ...everywhere } = structuredClone(rawConfig);
  const own = structuredClone(env[environment] ?? {});
  const vars = { ...everywhere.vars, ...own.vars, ENVIRONMENT: environment };
  if (environment === "production") return withoutOldVersions({ ...everywhere, ...own, vars });

  // Routes, stores and the counts of rate limiters are not shared with production.
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

/** Returns whether a configuration has a route or a custom domain. */
export function hasRoute({ route, routes = [] }) {
  return Boolean(route) || routes.length > 0;
}

/**
 * Returns the configuration without URLs at which old versions would use the live database with old secrets: preview URLs are off,
 * and workers.dev is off if there is a route.
 *
 * @throws {Failure} if wrangler.toml turns one of them on.
 */
export function withoutOldVersions(config) {
  const advice = "Remove the line from wrangler.toml: `npm run deploy` sets the right value.";
  if (config.preview_urls)
    throw new Failure("preview_urls is on: every old version would stay reachable at its own URL.", advice);
  if (config.workers_dev && hasRoute(config))
    throw new Failure("workers_dev is on although there is a route: the Worker would have a second URL.", advice);
  return { ...config, preview_urls: false, workers_dev: !hasRoute(config) };
}

/**
 * Returns a configuration with a custom domain, at which the Worker is then served instead of workers.dev.
 *
 * @throws {Failure} if it has other routes, or `domain` is not a host name.
 */
export function withDomain(config, domain) {
  if (!/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(domain))
    throw new Failure(`${domain} is not a domain.`, "Give a host name in lower case, such as auth.example.com.");
  const routes = [{ pattern: domain, custom_domain: true }];
  if (!hasRoute(config)) return withoutOldVersions({ ...config, routes, workers_dev: false });
  const [route, ...others] = config.routes ?? [];
  if (others.length === 0 && route?.pattern === domain && route.custom_domain) return config;
  throw new Failure(
    "wrangler.toml has other routes than this domain.",
    "Change `routes` in wrangler.toml, or leave out the domain.",
  );
}

/** Returns the text of wrangler.toml with a custom domain for an environment that has no route. */
export function tomlWithDomain(toml, domain, environment) {
  const line = `routes = [{ pattern = "${domain}", custom_domain = true }]\n`;
  if (environment === "production") return toml.replace(/^name = .*\n/m, (name) => name + line);
  const header = `[env.${environment}]\n`;
  return toml.includes(header) ? toml.replace(header, header + line) : `${toml.trimEnd()}\n\n${header}${line}`;
}

/** Returns the name of the KV namespace of a Worker. wrangler.toml has names for databases, but not for namespaces. */
export function namespaceName({ name }) {
  return `${name}-kv`;
}

/**
 * Writes a configuration for wrangler and returns its path. The folder is one that git ignores, so paths in the file are absolute. It
 * has no build command, because the artifacts are already built and checked.
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
 * Returns the settings of a deployment. The environment of this command wins over wrangler.toml, and that wins over what the
 * deployment already has. An empty variable removes a value. Existing secrets stay unless a new one is given.
 */
export function settingsOf(config, given, live) {
  const known = Object.entries(given).filter(([name]) => isSetting(name) && name !== "ENVIRONMENT");
  const named = known.filter(([, value]) => value !== "");
  const vars = { ...live?.vars, ...config.vars, ...Object.fromEntries(known.filter(([name]) => !isSecret(name))) };
  return {
    vars: Object.fromEntries(Object.entries(vars).filter(([, value]) => value !== "")),
    secrets: Object.fromEntries(named.filter(([name]) => isSecret(name))),
    keptSecrets: (live?.secrets ?? []).filter((name) => !named.some(([other]) => other === name)),
  };
}

/** Adds a setting. */
export function withSetting(settings, name, value) {
  const kind = isSecret(name) ? "secrets" : "vars";
  return { ...settings, [kind]: { ...settings[kind], [name]: value } };
}
