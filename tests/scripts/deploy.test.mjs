// `npm run deploy` with a fake wrangler whose account is a file: its calls and their order, what it rejects, and what a second run
// does. The Worker that checks the settings is the real one. The last tests also use the real wrangler.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ceilingKibibytes, holdToBudget } from "../../scripts/lib/budget.mjs";
import {
  configuration,
  environments,
  tomlWithDomain,
  withDomain,
  withoutOldVersions,
} from "../../scripts/lib/deployment.mjs";
import { startCloudflare } from "./support/cloudflare.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const support = (name) => fileURLToPath(new URL(`support/${name}`, import.meta.url));

/** The settings of a first deployment. */
const told = {
  APP_URL: "https://app.example",
  MAIL_FROM: "Postern <noreply@app.example>",
  RESEND_API_KEY: "re_a_key_that_is_no_key",
  ADMIN_EMAIL: "root@app.example",
  ADMIN_PASSWORD: "a password for root",
};
const given = [told.RESEND_API_KEY, told.ADMIN_PASSWORD];

const folders = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** Creates an empty account, changed by `differences`. */
async function account(differences = {}) {
  const folder = await mkdtemp(join(tmpdir(), "postern-account-"));
  folders.push(folder);
  const program = join(folder, "wrangler");
  await copyFile(support("wrangler.mjs"), program);
  await chmod(program, 0o755);
  const path = join(folder, "account.json");
  const nothing = {
    isSignedIn: true,
    accounts: [{ id: "1", name: "Example" }],
    workers: {},
    databases: [{ uuid: "2", name: "another" }],
    namespaces: [{ id: "3", title: "another" }],
    migrated: [],
    versions: 0,
    health: { status: 200, body: {} },
    fails: {},
    calls: [],
  };
  const write = (state) => writeFile(path, JSON.stringify(state));
  await write({ ...nothing, ...differences });
  const read = async () => JSON.parse(await readFile(path, "utf8"));
  return {
    read,
    change: async (differences) => write({ ...(await read()), ...differences }),
    /** Runs the command with only these settings in its environment. */
    deploy: (settings, args = []) =>
      command(args, {
        ...settings,
        FAKE_ACCOUNT: path,
        NODE_OPTIONS: `--import=${support("health.mjs")}`,
        HEALTH_LIMIT_SECONDS: "1",
        PATH: [folder, join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter),
      }),
  };
}

async function command(args, environment) {
  const { HOME, XDG_CACHE_HOME, CARGO_HOME, RUSTUP_HOME, PATH } = process.env;
  const kept = { HOME, XDG_CACHE_HOME, CARGO_HOME, RUSTUP_HOME, PATH };
  const child = spawn(process.execPath, [join(root, "scripts", "deploy.mjs"), ...args], {
    cwd: root,
    env: { ...kept, ...environment },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  child.stdin.end();
  const [code] = await once(child, "close");
  return { code, said };
}

/** Returns the calls that change the account. */
function changes({ calls }) {
  return calls
    .map((args) => args.join(" "))
    .filter((call) => /^(d1 create|kv namespace create|d1 migrations apply|deploy )/.test(call));
}

test("a first deployment creates the stores, migrates before the upload, and checks the health of the new version", async () => {
  const empty = await account();
  const { code, said } = await empty.deploy(told);
  assert.equal(code, 0, said);

  const state = await empty.read();
  const order = ["d1 create postern", "kv namespace create postern-kv", "d1 migrations apply DB --remote", "deploy"];
  const made = changes(state);
  assert.deepEqual(
    made.map((call, at) => call.startsWith(order[at])),
    order.map(() => true),
    made.join("\n"),
  );
  assert.deepEqual(state.migrated, ["id-of-postern"]);
  const { vars, secrets, stores } = state.workers.postern;
  assert.deepEqual(stores, ["id-of-postern", "id-of-postern-kv"]);
  assert.deepEqual(vars, {
    ENVIRONMENT: "production",
    APP_URL: told.APP_URL,
    MAIL_FROM: told.MAIL_FROM,
    ADMIN_EMAIL: told.ADMIN_EMAIL,
  });
  assert.deepEqual(Object.keys(secrets).sort(), ["ADMIN_PASSWORD", "AUTH_SECRET", "RESEND_API_KEY"]);
  assert.ok(secrets.AUTH_SECRET.length >= 43, "256 random bits");
  assert.match(said, /postern version-1 is live at https:\/\/postern\.example\.workers\.dev/);
  for (const secret of [...given, secrets.AUTH_SECRET]) {
    assert.ok(!said.includes(secret), "a secret is printed");
    assert.ok(!state.calls.flat().some((argument) => argument.includes(secret)), "a secret is on a command line");
  }
});

test("a second run needs no settings and changes nothing", async () => {
  const deployed = await account();
  assert.equal((await deployed.deploy(told)).code, 0);
  const before = await deployed.read();
  await deployed.change({ calls: [] });

  for (const settings of [{}, told]) {
    const { code, said } = await deployed.deploy(settings);
    assert.equal(code, 0, said);
    assert.match(said, /nothing is uploaded/);
  }
  const { calls, migrated, ...rest } = await deployed.read();
  const { calls: _, migrated: __, ...restBefore } = before;
  assert.deepEqual(rest, restBefore);
  const migrate = "d1 migrations apply DB --remote";
  assert.deepEqual(
    changes({ calls }).map((call) => call.split(" -c ")[0]),
    [migrate, migrate],
  );

  // A new secret is a change. The other secrets stay.
  const { code, said } = await deployed.deploy({ RESEND_API_KEY: "re_another_key" });
  assert.equal(code, 0, said);
  const { secrets } = (await deployed.read()).workers.postern;
  assert.deepEqual(secrets, { ...before.workers.postern.secrets, RESEND_API_KEY: "re_another_key" });
});

test("a changed setting makes a new version, which keeps the secrets and can be rolled back", async () => {
  const deployed = await account();
  assert.equal((await deployed.deploy(told)).code, 0);
  const { secrets } = (await deployed.read()).workers.postern;

  const { code, said } = await deployed.deploy({ SERVICE_NAME: "Difference Engine" });
  assert.equal(code, 0, said);
  const { postern } = (await deployed.read()).workers;
  assert.deepEqual(
    [postern.version, postern.vars.SERVICE_NAME, postern.vars.APP_URL],
    ["version-2", "Difference Engine", told.APP_URL],
  );
  assert.deepEqual(postern.secrets, secrets);
  assert.match(said, /npx wrangler rollback version-1 --name postern/);

  // An empty value removes a variable, but not a secret.
  assert.equal((await deployed.deploy({ SERVICE_NAME: "", RESEND_API_KEY: "" })).code, 0);
  const last = (await deployed.read()).workers.postern;
  assert.deepEqual([last.version, last.vars.SERVICE_NAME, last.secrets], ["version-3", undefined, secrets]);
});

test("staging has its own name and stores", async () => {
  const deployed = await account();
  assert.equal((await deployed.deploy(told)).code, 0);
  const { postern } = (await deployed.read()).workers;

  const { code, said } = await deployed.deploy({ ...told, APP_URL: "https://staging.app.example" }, [
    "--env",
    "staging",
  ]);
  assert.equal(code, 0, said);
  const { workers } = await deployed.read();
  assert.deepEqual(workers.postern, postern);
  const staging = workers["postern-staging"];
  assert.deepEqual(staging.stores, ["id-of-postern-staging", "id-of-postern-staging-kv"]);
  assert.deepEqual([staging.vars.ENVIRONMENT, staging.routes], ["staging", undefined]);
  assert.notEqual(staging.secrets.AUTH_SECRET, postern.secrets.AUTH_SECRET);
});

test("wrong settings are reported all at once, before anything is created", async () => {
  const empty = await account();
  const wrong = { APP_URL: "http://app.example", MAIL_PROVIDER: "outbox", DEFAULT_ADMIN: "open", AUTH_SECRET: "short" };
  for (const [settings, problems] of /** @type {[Record<string, string>, string[]][]} */ ([
    [
      wrong,
      [
        "APP_URL must",
        "MAIL_PROVIDER is outbox",
        "DEFAULT_ADMIN is open",
        "AUTH_SECRET must",
        "ADMIN_EMAIL is missing",
      ],
    ],
    [
      {},
      [
        "APP_URL is missing",
        "MAIL_FROM is missing",
        "RESEND_API_KEY is missing",
        "ADMIN_EMAIL is missing",
        "ADMIN_PASSWORD is missing",
      ],
    ],
    [{ ...told, MAIL_PROVIDER: "resend,postmark" }, ["POSTMARK_SERVER_TOKEN is missing"]],
  ])) {
    const { code, said } = await empty.deploy(settings);
    assert.equal(code, 1, said);
    for (const problem of problems) assert.ok(said.includes(problem), `${problem} is not in: ${said}`);
  }
  assert.deepEqual(changes(await empty.read()), []);
});

test("the settings of OpenID Providers are known by their pattern, and misspelled ones are reported with all other problems", async () => {
  const empty = await account();
  const wrong = {
    ...told,
    IDENTITY_PROVIDERS: "google,acme",
    GOOGLE_CLIENT_ID: "google client",
    GOOGLE_CLIENT_SECRET: "google secret",
    OIDC_ACME_ISSUER: "http://login.acme.example",
    OIDC_ACME_CLIENTID: "acme client",
    OIDC_OTHER_ISSUER: "https://other.example",
    OIDC_GOOGLE_ISSUER: "https://accounts.google.com",
    // Belongs to something else.
    OIDC_TOKEN: "a token of the CI",
  };
  const { code, said } = await empty.deploy(wrong);
  assert.equal(code, 1, said);
  for (const problem of [
    "OIDC_ACME_ISSUER must",
    "OIDC_ACME_CLIENT_ID is missing",
    "OIDC_ACME_CLIENTID is no setting",
    "OIDC_OTHER_ISSUER is for a provider that is not in IDENTITY_PROVIDERS: other",
    "OIDC_GOOGLE_ISSUER is no setting: google has settings of its own",
  ])
    assert.ok(said.includes(problem), `${problem} is not in: ${said}`);
  assert.doesNotMatch(said, /OIDC_TOKEN/);
  assert.deepEqual(changes(await empty.read()), []);
});

test("the secrets of identity providers are stored as secrets, and a provider can be removed and added again", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const given = {
    IDENTITY_PROVIDERS: "acme,apple",
    OIDC_ACME_ISSUER: "https://login.acme.example/realms/staff",
    OIDC_ACME_CLIENT_ID: "acme client",
    OIDC_ACME_LABEL: "Acme",
    APPLE_CLIENT_ID: "com.example.web",
    APPLE_TEAM_ID: "TEAM123456",
    APPLE_KEY_ID: "KEY1234567",
  };
  const secret = {
    OIDC_ACME_CLIENT_SECRET: "the client secret at acme",
    APPLE_PRIVATE_KEY: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
  const deployed = await account();
  const first = await deployed.deploy({ ...told, ...given, ...secret });
  assert.equal(first.code, 0, first.said);
  const { vars, secrets } = (await deployed.read()).workers.postern;
  for (const [name, value] of Object.entries(given)) assert.equal(vars[name], value);
  for (const [name, value] of Object.entries(secret)) {
    assert.deepEqual([secrets[name], vars[name]], [value, undefined]);
    assert.ok(!first.said.includes(value), `${name} is printed`);
  }

  // In an emergency, one setting is enough: those of the provider may stay.
  for (const providers of ["apple", "apple,acme"]) {
    const { code, said } = await deployed.deploy({ IDENTITY_PROVIDERS: providers });
    assert.equal(code, 0, said);
    assert.equal((await deployed.read()).workers.postern.vars.IDENTITY_PROVIDERS, providers);
  }
  // An empty value removes a variable of a provider that is gone.
  const last = await deployed.deploy({ IDENTITY_PROVIDERS: "apple", OIDC_ACME_LABEL: "" });
  assert.equal(last.code, 0, last.said);
  assert.equal((await deployed.read()).workers.postern.vars.OIDC_ACME_LABEL, undefined);
});

test("without a login or with several accounts, the error says what to do", async () => {
  const stranger = await account({ isSignedIn: false });
  const signedOut = await stranger.deploy(told);
  assert.equal(signedOut.code, 1);
  assert.match(signedOut.said, /You are not signed in[\s\S]*wrangler login/);

  const accounts = [
    { id: "1", name: "Example" },
    { id: "2", name: "Other" },
  ];
  const several = await account({ accounts });
  const unsure = await several.deploy(told);
  assert.equal(unsure.code, 1);
  assert.match(unsure.said, /CLOUDFLARE_ACCOUNT_ID to one of 1 \(Example\), 2 \(Other\)/);
  assert.equal((await several.deploy({ ...told, CLOUDFLARE_ACCOUNT_ID: "2" })).code, 0);
});

test("after any failure the old version stays live, and the next run reuses what was created", async () => {
  const fragile = await account();
  // The last is the upload, which names a file.
  for (const failing of [
    "d1 list",
    "d1 create",
    "kv namespace list",
    "kv namespace create",
    "d1 migrations apply",
    "deploy /",
  ]) {
    await fragile.change({ fails: { [failing]: "The platform is out of order." } });
    const { code, said } = await fragile.deploy(told);
    assert.equal(code, 1, `${failing}: ${said}`);
    assert.match(said, /The platform is out of order\./, failing);
    assert.deepEqual((await fragile.read()).workers, {}, failing);
  }
  await fragile.change({ fails: { "deployments status": "The platform is out of order." } });
  const { said } = await fragile.deploy(told);
  assert.match(said, /cannot read what is deployed[\s\S]*out of order/i);

  await fragile.change({ fails: {} });
  assert.equal((await fragile.deploy(told)).code, 0);
  const { databases, namespaces } = await fragile.read();
  assert.deepEqual([databases.length, namespaces.length], [2, 2]);
});

test("an account that does not show what is deployed is not taken for an empty one", async () => {
  for (const said of [
    "A request to the Cloudflare API failed. Authentication error [code: 10000]",
    "A request to the Cloudflare API failed. 403: account not found [code: 9109]",
    "A request to the Cloudflare API failed. The requested resource was not found. [code: 7003]",
    "Not Found (404)",
  ]) {
    const closed = await account({ fails: { "deployments status": said } });
    const answer = await closed.deploy(told);
    assert.equal(answer.code, 1, answer.said);
    assert.match(answer.said, /cannot read what is deployed/i);
    assert.deepEqual(changes(await closed.read()), [], said);
  }
});

test("preview URLs are off, and workers.dev is off with a route, so no old version stays reachable", async () => {
  const deployed = await account();
  const { said } = await deployed.deploy(told);
  assert.match(said, /no route, so the Worker is served at workers\.dev/);
  const { previewUrls, workersDev } = (await deployed.read()).workers.postern;
  assert.deepEqual([previewUrls, workersDev], [false, true]);

  const route = [{ pattern: "auth.example.com", custom_domain: true }];
  assert.deepEqual(withoutOldVersions({ routes: route }), { routes: route, preview_urls: false, workers_dev: false });
  assert.deepEqual(withoutOldVersions({ route: "auth.example.com/*" }), {
    route: "auth.example.com/*",
    preview_urls: false,
    workers_dev: false,
  });
  assert.throws(
    () => withoutOldVersions({ routes: route, workers_dev: true }),
    /workers_dev is on although there is a route/,
  );
  assert.throws(() => withoutOldVersions({ preview_urls: true }), /preview_urls is on/);
  for (const environment of environments)
    assert.equal((await configuration(environment)).preview_urls, false, environment);
});

test("a custom domain by flag or environment replaces workers.dev and is the default of APP_URL", async () => {
  const { APP_URL, ...others } = told;
  const toml = await readFile(join(root, "wrangler.toml"), "utf8");
  for (const { args = [], ...settings } of [
    { args: ["--domain", "auth.example.com"] },
    { DEPLOY_DOMAIN: "auth.example.com" },
  ]) {
    const deployed = await account();
    const { said } = await deployed.deploy({ ...others, ...settings }, args);
    assert.doesNotMatch(said, /no route/);
    const { routes, workersDev, previewUrls, vars } = (await deployed.read()).workers.postern;
    assert.deepEqual(routes, [{ pattern: "auth.example.com", custom_domain: true }]);
    assert.deepEqual([workersDev, previewUrls, vars.APP_URL], [false, false, "https://auth.example.com"]);
  }
  // Without a terminal, the file stays as it is.
  assert.equal(await readFile(join(root, "wrangler.toml"), "utf8"), toml);

  const deployed = await account();
  for (const domain of [
    "https://auth.example.com",
    "auth",
    "auth.example.com/*",
    "*.example.com",
    "Auth.example.com",
    "-.com",
  ]) {
    const { code, said } = await deployed.deploy(told, [`--domain=${domain}`]);
    assert.equal(code, 1, said);
    assert.match(said, /is not a domain\..*such as auth\.example\.com/s);
  }
  assert.deepEqual(changes(await deployed.read()), []);
  const routes = [{ pattern: "auth.example.com", custom_domain: true }];
  assert.deepEqual(withDomain({ routes }, "auth.example.com"), { routes });
  assert.throws(() => withDomain({ routes }, "login.example.com"), /other routes/);
  assert.throws(() => withDomain({ route: "auth.example.com/*" }, "auth.example.com"), /other routes/);
});

test("a custom domain is written to wrangler.toml for its environment only", async () => {
  const toml = await readFile(join(root, "wrangler.toml"), "utf8");
  const line = 'routes = [{ pattern = "auth.example.com", custom_domain = true }]\n';
  assert.ok(tomlWithDomain(toml, "auth.example.com", "production").includes(`name = "postern"\n${line}`));
  const staging = tomlWithDomain(toml, "auth.example.com", "staging");
  assert.ok(staging.endsWith(`\n[env.staging]\n${line}`));
  const existing = tomlWithDomain(`${toml}[env.staging]\nvars = {}\n`, "auth.example.com", "staging");
  assert.ok(existing.endsWith(`[env.staging]\n${line}vars = {}\n`));
});

test("the tag of a version does not depend on the admin's password and is salted", async () => {
  const tagOf = async (settings) => {
    const deployed = await account();
    const { code, said } = await deployed.deploy(settings);
    assert.equal(code, 0, said);
    return (await deployed.read()).workers.postern.tag.split(".");
  };
  const [[code, first], [sameCode, second]] = [await tagOf(told), await tagOf(told)];
  assert.equal(code, sameCode);
  assert.equal(first.length, 12);
  assert.notEqual(first, second, "the salt is random");

  // Only the password changes: the tag of the same deployment stays.
  const deployed = await account();
  assert.equal((await deployed.deploy(told)).code, 0);
  const { tag } = (await deployed.read()).workers.postern;
  const again = await deployed.deploy({ ...told, ADMIN_PASSWORD: "another password for root" });
  assert.match(again.said, /nothing is uploaded/);
  assert.equal((await deployed.read()).workers.postern.tag, tag);
});

test("a deployment fails if the new version is not healthy, and says how to roll back", async () => {
  const sick = await account();
  await sick.change({ health: { status: 503, body: { error: "out" } } });
  const first = await sick.deploy(told);
  assert.equal(first.code, 1);
  assert.match(first.said, /does not report it as healthy: 503[\s\S]*no previous version/);

  // The old version still answers.
  await sick.change({ health: { status: 200, body: { deployment: "version-1" } } });
  const second = await sick.deploy({ SERVICE_NAME: "Difference Engine" });
  assert.equal(second.code, 1);
  assert.match(second.said, /npx wrangler rollback version-1 --name postern/);
});

test("a job on GitHub gets a summary with the size, the version and the rollback command", async () => {
  const deployed = await account();
  const summary = join(folders.at(-1), "summary.md");
  assert.equal((await deployed.deploy(told)).code, 0);
  assert.equal((await deployed.deploy({ SERVICE_NAME: "Difference Engine", GITHUB_STEP_SUMMARY: summary })).code, 0);
  const text = await readFile(summary, "utf8");
  for (const part of [/### postern \(production\)/, /version-2/, /KiB gzipped/, /wrangler rollback version-1/])
    assert.match(text, part);
});

test("unknown arguments are rejected with the known ones", async () => {
  for (const args of [["--env", "elsewhere"], ["--dry"], ["production"]]) {
    const { code, said } = await command(args, {});
    assert.equal(code, 1, said);
    assert.match(said, /npm run deploy.*--env production.*--env staging.*--dry-run/);
  }
});

test("no two rate limiters of an account share a namespace id", async () => {
  const all = await Promise.all(environments.map((environment) => configuration(environment)));
  const ids = all.flatMap(({ ratelimits }) => ratelimits.map(({ namespace_id }) => namespace_id));
  assert.equal(ids.length, 2 * environments.length);
  assert.equal(new Set(ids).size, ids.length, ids.join(", "));
});

test("a bundle over its size budget is rejected", () => {
  assert.match(holdToBudget(ceilingKibibytes * 1024), new RegExp(`${ceilingKibibytes}\\.0 KiB gzipped`));
  assert.throws(() => holdToBudget(ceilingKibibytes * 1024 + 1), /scripts\/lib\/budget\.mjs|KiB gzipped/);
});

test("a dry run does everything that needs no network, with the real wrangler, for each environment", async () => {
  for (const [environment, name] of [
    ["production", "postern"],
    ["staging", "postern-staging"],
  ]) {
    const { code, said } = await command(["--dry-run", "--env", environment], { CLOUDFLARE_API_TOKEN: "none" });
    assert.equal(code, 0, said);
    for (const part of [
      /KiB gzipped; the limit/,
      /Total Upload/,
      /env\.DB/,
      /env\.KV/,
      /env\.BURST/,
      /env\.USER_WRITES/,
      /APP_URL is missing/,
    ])
      assert.match(said, part);
    assert.ok(said.includes(`the database ${name} and the KV namespace ${name}-kv`), said);
  }
  const refused = await command(["--dry-run"], { ...told, MAIL_PROVIDER: "outbox" });
  assert.equal(refused.code, 1);
  assert.match(refused.said, /MAIL_PROVIDER is outbox/);
});

test("with the real wrangler, a first run creates everything and a second run nothing", async () => {
  const cloudflare = await startCloudflare();
  const folder = await mkdtemp(join(tmpdir(), "postern-home-"));
  folders.push(folder);
  const account = join(folder, "account.json");
  await writeFile(
    account,
    JSON.stringify({ workers: { postern: { version: cloudflare.version } }, health: { status: 200, body: {} } }),
  );
  const environment = {
    // The folder in which wrangler looks for a login, without one.
    XDG_CONFIG_HOME: folder,
    CLOUDFLARE_API_BASE_URL: cloudflare.url,
    CLOUDFLARE_API_TOKEN: "a-token-of-the-test",
    CLOUDFLARE_ACCOUNT_ID: "1",
    HEALTH_LIMIT_SECONDS: "1",
    FAKE_ACCOUNT: account,
    NODE_OPTIONS: `--import=${support("health.mjs")}`,
  };
  try {
    const first = await command([], { ...told, ...environment });
    assert.equal(first.code, 0, `${first.said}\n${cloudflare.unknown.join("\n")}`);
    const { databases, namespaces, migrations, upload } = cloudflare.state;
    assert.deepEqual(
      [databases.map(({ name }) => name), namespaces.map(({ title }) => title)],
      [["postern"], ["postern-kv"]],
    );
    assert.deepEqual(migrations, readdirSync(join(root, "migrations")).sort());
    const bindings = Object.fromEntries(upload.bindings.map((binding) => [binding.name, binding]));
    assert.deepEqual([bindings.DB.id, bindings.KV.namespace_id], [databases[0].uuid, namespaces[0].id]);
    for (const name of ["AUTH_SECRET", "RESEND_API_KEY", "ADMIN_PASSWORD"])
      assert.equal(bindings[name].type, "secret_text", name);
    for (const name of ["APP_URL", "MAIL_FROM", "ADMIN_EMAIL"])
      assert.deepEqual([bindings[name].type, bindings[name].text], ["plain_text", told[name]]);
    assert.match(first.said, /Total \(1 module\)/, "the pages are assets and no modules");
    for (const { type, text } of upload.bindings)
      assert.ok(type !== "secret_text" || !first.said.includes(text), "a secret is printed");
    const at = (call) => cloudflare.calls.findIndex((made) => made.startsWith(call));
    assert.ok(at("POST /d1/database/") < at("PUT /workers/scripts/postern"), "migrations come before the code");

    cloudflare.calls.length = 0;
    const second = await command([], { ...told, ...environment });
    assert.equal(second.code, 0, `${second.said}\n${cloudflare.unknown.join("\n")}`);
    assert.match(second.said, /nothing is uploaded/);
    const made = cloudflare.calls.filter((call) => !/\/(query|subdomain|schedules)$/.test(call));
    assert.deepEqual(made, []);
    assert.deepEqual(cloudflare.unknown, []);
  } finally {
    await cloudflare.stop();
  }
});
