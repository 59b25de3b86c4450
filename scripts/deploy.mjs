// `npm run deploy`: deploys the Worker to Cloudflare, or updates it.
//
//   npm run deploy                      Deploys to production.
//   npm run deploy -- --env staging     Deploys a second Worker with its own database and namespace.
//   npm run deploy -- --domain auth.example.com
//                                       Serves it at a domain of your own instead of workers.dev.
//   npm run deploy -- --dry-run         Does everything that needs neither the network nor an account.
//
// It checks everything before it changes anything: the size of the bundle, and the settings, for which it starts the Worker on this
// machine. It reuses what exists, so a second run changes nothing.

import { createHash, randomBytes, scryptSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { build, fingerprint } from "./build.mjs";
import { askFor, canAsk } from "./lib/ask.mjs";
import { artefacts, holdToBudget } from "./lib/budget.mjs";
import { checkSettings } from "./lib/check-settings.mjs";
import {
  account,
  ensureDatabase,
  ensureNamespace,
  liveVersion,
  migrate,
  placeTriggers,
  upload,
} from "./lib/cloudflare.mjs";
import {
  configuration,
  environments,
  hasRoute,
  namespaceName,
  settingsOf,
  tomlWithDomain,
  withDomain,
  withSetting,
  writeConfiguration,
} from "./lib/deployment.mjs";
import { problemList } from "./lib/events.mjs";
import { ask, Failure, main, root, run, say } from "./lib/run.mjs";
import { isSecret, settingOf, strayProviderSettings } from "./lib/settings.mjs";
import { summarise } from "./lib/summary.mjs";

// Disables wrangler's telemetry and log files.
Object.assign(process.env, {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_WRITE_LOGS: "false",
});

await main(async () => {
  const { environment, isDryRun, domain } = parseArguments();
  let config = await configuration(environment);
  if (domain) config = withDomain(config, domain);
  await build();
  const size = holdToBudget();
  say(size);
  if (isDryRun) return await dryRun(environment, config);

  say(`Deploying ${config.name} (${environment}) to ${await account()}.`);
  const live = await liveVersion(config.name);
  if (canAsk) config = await placed(config, environment, { domain, isNew: !live });
  adviseOnRoute(config);
  const settings = await complete(withAddress(withSecret(settingsOf(config, process.env, live)), config), config, live);

  const path = writeConfiguration(environment, await withStores({ ...config, vars: settings.vars }));
  say("Applying new migrations, before the code that needs them.");
  await migrate(path);
  const deployed = await uploadUnlessLive(path, settings, live);
  await checkHealth(deployed, config, live);

  const before = live && live.version !== deployed.version ? live : null;
  say(`${config.name} ${deployed.version} is live at ${deployed.address}.`);
  if (before)
    console.log(
      `  To roll back to the previous version: \`${rollback(config, before)}\`. Migrations stay; the previous code works with them.`,
    );
  summarise({ config, environment, deployed, size, rollback: before && rollback(config, before) });
});

function adviseOnRoute(config) {
  if (hasRoute(config)) return;
  console.log(
    "  wrangler.toml has no route, so the Worker is served at workers.dev. Before you go live, add a custom domain or a route\n" +
      '  (docs/operate.md, "Use your own domain"). That turns workers.dev off.',
  );
}

/** Asks for a custom domain at the first deployment, and writes it to wrangler.toml so that later deployments keep it. */
async function placed(config, environment, { domain, isNew }) {
  if (isNew && !domain && !hasRoute(config)) {
    const none = "workers.dev";
    const answer = await askFor("A domain of your own, such as auth.example.com", { fallback: none });
    if (answer === none) return config;
    domain = answer;
    config = withDomain(config, domain);
  }
  if (!domain || hasRoute(await configuration(environment))) return config;
  const path = join(root, "wrangler.toml");
  writeFileSync(path, tomlWithDomain(readFileSync(path, "utf8"), domain, environment));
  say(`Added ${domain} to wrangler.toml. Commit it, so that later deployments keep it.`);
  return config;
}

/** Adds the custom domain as APP_URL if there is none. */
function withAddress(settings, { routes: [route] = [] }) {
  if (settings.vars.APP_URL || !route?.custom_domain) return settings;
  return withSetting(settings, "APP_URL", `https://${route.pattern}`);
}

function parseArguments() {
  try {
    const { values } = parseArgs({
      options: {
        env: { type: "string", default: environments[0] },
        domain: { type: "string", default: process.env.DEPLOY_DOMAIN },
        "dry-run": { type: "boolean", default: false },
      },
    });
    const { env, domain, "dry-run": isDryRun } = values;
    if (environments.includes(env)) return { environment: env, isDryRun, domain };
    throw new Error(`Unknown environment: ${values.env}.`);
  } catch ({ message }) {
    const choice = environments.map((name) => `\`-- --env ${name}\``).join(" or ");
    throw new Failure(
      message,
      `Run \`npm run deploy\`, with ${choice}. Add \`--domain auth.example.com\` to serve it at a domain of your own, or \`--dry-run\` to try it without the network.`,
    );
  }
}

/** Does everything that needs no network. Missing settings are only listed, because the deployment may have them. */
async function dryRun(environment, config) {
  const settings = withSecret(settingsOf(config, process.env, null));
  const problems = [...(await checkSettings(settings)), ...strays(settings, config)];
  refuse(problems.filter((problem) => !isMissing(problem)));

  say("Listing what wrangler would upload.");
  const path = writeConfiguration(environment, { ...config, vars: settings.vars });
  await run("wrangler", ["deploy", "-c", path, "--dry-run", "--outdir", join(".wrangler", "dry-run")], {
    stdio: ["ignore", "inherit", "inherit"],
    advice: "Fix the problem above in wrangler.toml.",
  });
  if (problems.length > 0) say(problemList("A first deployment would ask for these settings:", problems));
  say(
    `A deployment would create the database ${databaseName(config)} and the KV namespace ${namespaceName(config)} if they are ` +
      "missing, apply migrations, upload this and check /health.",
  );
}

/** Adds an AUTH_SECRET if there is none. It is not printed, because nobody needs to know it. */
function withSecret(settings) {
  if (settings.secrets.AUTH_SECRET || settings.keptSecrets.includes("AUTH_SECRET")) return settings;
  return withSetting(settings, "AUTH_SECRET", randomBytes(48).toString("base64url"));
}

/** Completes the settings: asks for missing ones at a terminal. Without a terminal, fails with all problems at once. */
async function complete(settings, config, live) {
  if (canAsk && !settings.vars.MAIL_PROVIDER) {
    const { choices = [], local } = settingOf("MAIL_PROVIDER");
    const [fallback, ...others] = choices.filter((provider) => provider !== local);
    const question = `MAIL_PROVIDER: ${[fallback, ...others].join(", ")}`;
    settings = withSetting(settings, "MAIL_PROVIDER", await askFor(question, { fallback }));
  }
  for (;;) {
    const problems = [...(await checkSettings(settings)), ...strays(settings, config), ...withoutAdmin(settings, live)];
    const toAsk = canAsk ? problems.filter(isMissing) : [];
    if (toAsk.length === 0 || toAsk.length < problems.length) refuse(problems);
    if (toAsk.length === 0) return settings;
    say("These settings are required:");
    for (const { setting, message } of toAsk) {
      const value = await askFor(message.replace(" is missing", ""), { isSecret: isSecret(setting) });
      settings = withSetting(settings, setting, value);
    }
  }
}

/**
 * Problems of settings that the Worker does not look for, so only these scripts can find them. What the deployment already has may stay,
 * so that removing a provider from IDENTITY_PROVIDERS is enough.
 */
function strays({ vars }, config) {
  const given = Object.entries({ ...config.vars, ...process.env }).filter(([, value]) => value !== "");
  return strayProviderSettings(
    given.map(([name]) => name),
    vars.IDENTITY_PROVIDERS,
  );
}

function isMissing({ kind }) {
  return kind === "missing";
}

/** A first deployment needs an admin of its own: with admin / admin, anyone could sign in first. */
function withoutAdmin({ vars, secrets }, live) {
  if (live || vars.ADMIN_EMAIL || secrets.ADMIN_PASSWORD) return [];
  const missing = (setting, why) => ({ setting, kind: "missing", message: `${setting} is missing: ${why}` });
  return [
    missing("ADMIN_EMAIL", "the email of the first account, an admin"),
    missing("ADMIN_PASSWORD", "the password of that account"),
  ];
}

function refuse(problems) {
  if (problems.length === 0) return;
  throw new Failure(
    problemList("Nothing was deployed, because of the settings:", problems),
    "Set these as environment variables; values that are not secret can also go in wrangler.toml. docs/configuration.md lists them.",
  );
}

function databaseName(config) {
  return config.d1_databases[0].database_name;
}

/** Adds the ids of the database and the namespace to the configuration. Creates them if they are missing. */
async function withStores(config) {
  const database = await ensureDatabase(databaseName(config));
  if (database.isNew) say(`Created the database ${databaseName(config)}.`);
  const namespace = await ensureNamespace(namespaceName(config));
  if (namespace.isNew) say(`Created the KV namespace ${namespaceName(config)}.`);
  return {
    ...config,
    // An id in wrangler.toml wins.
    d1_databases: config.d1_databases.map((binding) => ({ database_id: database.id, ...binding })),
    kv_namespaces: config.kv_namespaces.map((binding) => ({ id: namespace.id, ...binding })),
  };
}

/** Uploads, unless this code with these settings is live already. */
async function uploadUnlessLive(path, { vars, secrets }, live) {
  const fallback = new URL(vars.APP_URL).origin;
  const names = Object.keys(secrets);
  const known = live?.tag?.split(".")[1] ?? "";
  const tag = `${codeTag(path)}.${secretsTag(secrets, known) ?? known}`;
  // ADMIN_PASSWORD is not part of the tag, so only its absence shows that it is new.
  const isComplete = names.every((name) => name !== "ADMIN_PASSWORD" || live?.secrets.includes(name));
  if (live?.tag === tag && isComplete) {
    say(`Version ${live.version} already has this code and these settings: nothing is uploaded.`);
    return { version: live.version, address: (await placeTriggers(path)) ?? fallback, isOld: true };
  }
  say(`Uploading${names.length > 0 ? ` (with a new ${names.join(", ")})` : ""}.`);
  const { version, address = fallback } = await upload(path, { secrets, tag, message: message() });
  return { version, address, isOld: false };
}

/** Returns the part of the tag that identifies code and configuration. With that of the secrets it has at most 25 characters, the limit of a tag. */
function codeTag(configPath) {
  return fingerprint([...artefacts, "build/pages"], [readFileSync(configPath, "utf8").replaceAll(root, "")]).slice(
    0,
    12,
  );
}

/**
 * Returns the part of the tag by which a later run recognizes the given secrets; undefined if there are none. Everyone with access
 * to the account can read tags, so each has a random salt (its first four characters) and a slow hash, and ADMIN_PASSWORD, which a
 * person chose, is not part of it.
 */
function secretsTag(secrets, known) {
  const given = Object.entries(secrets).filter(
    ([name]) => name !== "ADMIN_PASSWORD" && (name !== "AUTH_SECRET" || process.env.AUTH_SECRET),
  );
  if (given.length === 0) return undefined;
  const text = JSON.stringify(given.sort());
  const tagWith = (salt) =>
    salt + scryptSync(text, `postern deploy ${salt}`, 6, { N: 2 ** 15, maxmem: 2 ** 26 }).toString("base64url");
  const salt = known.slice(0, 4);
  return salt && tagWith(salt) === known ? known : tagWith(randomBytes(3).toString("base64url"));
}

function message() {
  const [, version] = readFileSync(join(root, "Cargo.toml"), "utf8").match(/^version = "([^"]+)"/m) ?? [];
  const commit = ask("git", ["describe", "--always", "--dirty", "--exclude", "*"]);
  return commit ? `${version}, commit ${commit}` : version;
}

/** Waits until the new version reports that it is healthy: seconds, or longer if the custom domain is new. */
async function checkHealth({ version, address, isOld }, config, live) {
  say(`Checking ${address}/health.`);
  const end = Date.now() + Number(process.env.HEALTH_LIMIT_SECONDS || 120) * 1000;
  let seen;
  do {
    seen = await healthOf(address);
    if (seen.deployment === fingerprintOf(version)) return console.log(`  ${seen.said}`);
    await setTimeout(1000);
  } while (Date.now() < end);
  const back =
    live && !isOld
      ? `\`${rollback(config, live)}\` rolls back to the previous version.`
      : "There is no previous version to roll back to.";
  throw new Failure(
    `Version ${version} of ${config.name} is deployed, but ${address}/health does not report it as healthy: ${seen.said}`,
    `\`npx wrangler tail ${config.name}\` shows why. ${back}`,
  );
}

/** Returns the fingerprint by which /health identifies a version. The id itself is part of a URL, so it is not public (src/crypto/fingerprint.rs). */
function fingerprintOf(version) {
  return createHash("sha256").update(version).digest("hex").slice(0, 16);
}

async function healthOf(address) {
  try {
    const answer = await fetch(`${address}/health`, { signal: AbortSignal.timeout(10_000) });
    const said = (await answer.text()).slice(0, 500);
    return { said: `${answer.status} ${said}`, deployment: answer.ok ? JSON.parse(said).deployment : undefined };
  } catch (error) {
    return { said: error.cause?.code ?? error.message };
  }
}

function rollback(config, { version }) {
  return `npx wrangler rollback ${version} --name ${config.name}`;
}
