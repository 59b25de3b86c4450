// `npm run deploy`: from a checkout to a Worker that answers on Cloudflare, and from one version to the next.
//
//   npm run deploy                      production
//   npm run deploy -- --env staging     the same Worker beside it, with stores of its own
//   npm run deploy -- --dry-run         everything that needs neither the net nor an account
//
// Nothing is changed before everything was looked at: the settings by the Worker itself, which is started here with them,
// and the size of the bundle. Whatever is there already is used, so a second run changes nothing.

import { createHash, randomBytes, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { build, fingerprint } from "./build.mjs";
import { askFor, canAsk } from "./lib/ask.mjs";
import { artefacts, holdToBudget } from "./lib/budget.mjs";
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
  withSetting,
  writeConfiguration,
} from "./lib/deployment.mjs";
import { problemList } from "./lib/events.mjs";
import { problemsOf } from "./lib/rehearsal.mjs";
import { ask, Failure, main, root, run, say } from "./lib/run.mjs";
import { isSecret, settingOf } from "./lib/settings.mjs";
import { summarise } from "./lib/summary.mjs";

// wrangler tells nobody about this deployment, and leaves no log of it behind.
Object.assign(process.env, {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_WRITE_LOGS: "false",
});

await main(async () => {
  const { environment, isDryRun } = chosen();
  const config = await configuration(environment);
  await build();
  const size = holdToBudget();
  say(size);
  if (isDryRun) return await tryOut(environment, config);

  say(`Deploying ${config.name} (${environment}) to ${await account()}.`);
  adviseOnRoute(config);
  const live = await liveVersion(config.name);
  const settings = await complete(withSecret(settingsOf(config, process.env, live)), live);

  const path = writeConfiguration(environment, await withStores({ ...config, vars: settings.vars }));
  say("Applying the migrations that are missing, before the code that needs them.");
  await migrate(path);
  const deployed = await uploadUnlessLive(path, settings, live);
  await checkHealth(deployed, config, live);

  const before = live && live.version !== deployed.version ? live : null;
  say(`${config.name} ${deployed.version} answers on ${deployed.address}.`);
  if (before)
    console.log(
      `  Back to the version before it: \`${rollback(config, before)}\`. Migrations stay: each leaves room for the code before it.`,
    );
  summarise({ config, environment, deployed, size, rollback: before && rollback(config, before) });
});

function adviseOnRoute(config) {
  if (hasRoute(config)) return;
  console.log(
    "  wrangler.toml has no route, so it answers on workers.dev. Before you go live, add a custom domain or a route:\n" +
      '  docs/operate.md, "Deploying". The address on workers.dev is then switched off.',
  );
}

function chosen() {
  try {
    const { values } = parseArgs({
      options: { env: { type: "string", default: environments[0] }, "dry-run": { type: "boolean", default: false } },
    });
    if (environments.includes(values.env)) return { environment: values.env, isDryRun: values["dry-run"] };
    throw new Error(`There is no environment ${values.env}.`);
  } catch ({ message }) {
    const choice = environments.map((name) => `\`-- --env ${name}\``).join(" or ");
    throw new Failure(
      message,
      `Run \`npm run deploy\`, with ${choice}, and with \`--dry-run\` to try it without the net.`,
    );
  }
}

/** Everything short of the net. What is missing is no problem here, for the deployment may have it: it is said. */
async function tryOut(environment, config) {
  const settings = withSecret(settingsOf(config, process.env, null));
  const problems = await problemsOf(settings);
  refuse(problems.filter((problem) => !isMissing(problem)));

  say("What wrangler would upload.");
  const path = writeConfiguration(environment, { ...config, vars: settings.vars });
  await run("wrangler", ["deploy", "-c", path, "--dry-run", "--outdir", join(".wrangler", "dry-run")], {
    stdio: ["ignore", "inherit", "inherit"],
    advice: "Mend in wrangler.toml what wrangler says above.",
  });
  if (problems.length > 0) say(problemList("A first deployment would ask for these settings:", problems));
  say(
    `A deployment would make the database ${databaseName(config)} and the KV namespace ${namespaceName(config)} where they are ` +
      "missing, apply migrations, upload this, and ask /health.",
  );
}

/** The secret of which every key is made. Nobody needs to know it, so nobody is shown it. */
function withSecret(settings) {
  if (settings.secrets.AUTH_SECRET || settings.keptSecrets.includes("AUTH_SECRET")) return settings;
  return withSetting(settings, "AUTH_SECRET", randomBytes(48).toString("base64url"));
}

/** The settings with what was missing: asked for at a terminal; without one, refused with every problem at once. */
async function complete(settings, live) {
  if (canAsk && !settings.vars.MAIL_PROVIDER) {
    const { choices, local } = settingOf("MAIL_PROVIDER");
    const [fallback, ...others] = choices.filter((provider) => provider !== local);
    const question = `MAIL_PROVIDER: ${[fallback, ...others].join(", ")}`;
    settings = withSetting(settings, "MAIL_PROVIDER", await askFor(question, { fallback }));
  }
  for (;;) {
    const problems = [...(await problemsOf(settings)), ...withoutAdmin(settings, live)];
    const toAsk = canAsk ? problems.filter(isMissing) : [];
    if (toAsk.length === 0 || toAsk.length < problems.length) refuse(problems);
    if (toAsk.length === 0) return settings;
    say("What the deployment has to be told:");
    for (const { setting, message } of toAsk) {
      const value = await askFor(message.replace(" is missing", ""), { isSecret: isSecret(setting) });
      settings = withSetting(settings, setting, value);
    }
  }
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

/** The configuration with the ids of its stores, which are made where they are missing. */
async function withStores(config) {
  const database = await ensureDatabase(databaseName(config));
  if (database.isNew) say(`Made the database ${databaseName(config)}.`);
  const namespace = await ensureNamespace(namespaceName(config));
  if (namespace.isNew) say(`Made the KV namespace ${namespaceName(config)}.`);
  return {
    ...config,
    // An id in wrangler.toml is the owner's choice.
    d1_databases: config.d1_databases.map((binding) => ({ database_id: database.id, ...binding })),
    kv_namespaces: config.kv_namespaces.map((binding) => ({ id: namespace.id, ...binding })),
  };
}

/** Uploads, unless the very same is live: then there is nothing to do. */
async function uploadUnlessLive(path, { vars, secrets }, live) {
  const fallback = new URL(vars.APP_URL).origin;
  const names = Object.keys(secrets);
  const known = live?.tag?.split(".")[1] ?? "";
  const tag = `${codeTag(path)}.${secretsTag(secrets, known) ?? known}`;
  // The tag leaves out ADMIN_PASSWORD: that it is new shows by its name alone.
  const isComplete = names.every((name) => name !== "ADMIN_PASSWORD" || live?.secrets.includes(name));
  if (live?.tag === tag && isComplete) {
    say(`Version ${live.version} is this code with these settings already: nothing is uploaded.`);
    return { version: live.version, address: (await placeTriggers(path)) ?? fallback, isOld: true };
  }
  say(`Uploading${names.length > 0 ? ` (with a new ${names.join(", ")})` : ""}.`);
  const { version, address = fallback } = await upload(path, { secrets, tag, message: message() });
  return { version, address };
}

/** What a version is made of. Both parts together have no more than the 25 characters that a tag may have. */
function codeTag(configPath) {
  return fingerprint([...artefacts, "build/pages"], [readFileSync(configPath, "utf8").replaceAll(root, "")]).slice(
    0,
    12,
  );
}

/**
 * A tag by which a later run recognizes the secrets of this one; undefined if it was given none. Anybody who can see the
 * account can read tags, so each has a random salt (its first four characters), a guess is expensive, and no password that a
 * person chose is part of it.
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
  const [, version] = readFileSync(join(root, "Cargo.toml"), "utf8").match(/^version = "([^"]+)"/m);
  const commit = ask("git", ["describe", "--always", "--dirty", "--exclude", "*"]);
  return commit ? `${version}, commit ${commit}` : version;
}

/** Asks until the version itself answers and is well: seconds, or longer where a custom domain has just been made. */
async function checkHealth({ version, address, isOld }, config, live) {
  say(`Asking ${address}/health.`);
  const end = Date.now() + Number(process.env.HEALTH_LIMIT_SECONDS || 120) * 1000;
  let seen;
  do {
    seen = await healthOf(address);
    if (seen.deployment === fingerprintOf(version)) return console.log(`  ${seen.said}`);
    await setTimeout(1000);
  } while (Date.now() < end);
  const back =
    live && !isOld
      ? `\`${rollback(config, live)}\` goes back to the version before.`
      : "There is no version before it to go back to.";
  throw new Failure(
    `Version ${version} of ${config.name} is deployed, but ${address}/health does not say that it is well: ${seen.said}`,
    `\`npx wrangler tail ${config.name}\` shows why. ${back}`,
  );
}

/** What /health says of a version: its id is part of an address, so /health does not publish it (src/crypto/fingerprint.rs). */
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
