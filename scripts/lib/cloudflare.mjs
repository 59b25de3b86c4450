// What is asked of the Cloudflare account, always by wrangler: it has the login, and it is what a person would use.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, Failure, root, run } from "./run.mjs";

/**
 * What wrangler prints if there is no such Worker: the codes of Cloudflare's API for exactly that. Any other refusal, such as
 * a 403 or a 404 of the account, says nothing about the Worker and stops the deployment.
 */
const noSuchWorker = /\[code: (10007|10090)\]/;

/** Makes sure that wrangler is signed in, to one account. Returns the account's name. */
export async function account() {
  const { code, stdout } = await wrangler(["whoami", "--json"]);
  const { loggedIn, accounts = [] } = parsed(stdout) ?? {};
  if (code !== 0 || !loggedIn) {
    throw new Failure(
      "Nobody is signed in to Cloudflare.",
      "Run `npx wrangler login`; where there is no browser, set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID instead.",
    );
  }
  const chosen = process.env.CLOUDFLARE_ACCOUNT_ID;
  if (!chosen && accounts.length > 1) {
    const list = accounts.map(({ id, name }) => `${id} (${name})`).join(", ");
    throw new Failure("Several accounts can be deployed to.", `Set CLOUDFLARE_ACCOUNT_ID to one of ${list}.`);
  }
  return accounts.find(({ id }) => !chosen || id === chosen)?.name ?? chosen ?? "the account of the token";
}

/** What is deployed under a name: `{version, tag, vars, secrets}`, where of secrets there are names alone. Null if nothing is. */
export async function liveVersion(name) {
  const status = await wrangler(["deployments", "status", "--name", name, "--json"]);
  if (status.code !== 0) {
    if (noSuchWorker.test(status.stdout + status.stderr)) return null;
    throw unexpected(`what is deployed as ${name} cannot be seen`, status);
  }
  const version = parsed(status.stdout)?.versions?.[0]?.version_id;
  const view = await wrangler(["versions", "view", `${version}`, "--name", name, "--json"]);
  const live = parsed(view.stdout);
  if (view.code !== 0 || !live) throw unexpected(`version ${version} of ${name} cannot be seen`, view);
  const bindings = live.resources?.bindings ?? [];
  return {
    version,
    tag: live.annotations?.["workers/tag"],
    vars: Object.fromEntries(
      bindings.filter(({ type }) => type === "plain_text").map(({ name, text }) => [name, text]),
    ),
    secrets: bindings.filter(({ type }) => type === "secret_text").map(({ name }) => name),
  };
}

/** Makes a database of this name unless there is one. Returns its id, and whether it is new. */
export async function ensureDatabase(name) {
  const find = async () => (await list(["d1", "list", "--json"])).find((database) => database.name === name)?.uuid;
  return await ensure(`the database ${name}`, find, ["d1", "create", name]);
}

/** Makes a KV namespace of this name unless there is one. Returns its id, and whether it is new. */
export async function ensureNamespace(name) {
  const find = async () => (await list(["kv", "namespace", "list"])).find(({ title }) => title === name)?.id;
  return await ensure(`the KV namespace ${name}`, find, ["kv", "namespace", "create", name]);
}

/** Applies the migrations that the database of a configuration has not yet. */
export async function migrate(configPath) {
  await run("wrangler", ["d1", "migrations", "apply", "DB", "--remote", "-c", configPath], {
    // Without a terminal it asks nothing.
    stdio: ["ignore", "inherit", "inherit"],
    problem: "The migrations could not be applied. What is deployed goes on as before.",
    advice: "The one that failed was rolled back and is named above; mend it and deploy again.",
  });
}

/**
 * Uploads code, variables and secrets as one version, so that none of them is ever in force without the others.
 * Returns its id, and the address at which it answers if wrangler tells one.
 */
export async function upload(configPath, { secrets, tag, message }) {
  const folder = mkdtempSync(join(tmpdir(), "postern-deploy-"));
  try {
    const [secretsFile, report] = ["secrets.json", "report.jsonl"].map((name) => join(folder, name));
    // On a command line others could read them.
    writeFileSync(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
    const withSecrets = Object.keys(secrets).length > 0 ? ["--secrets-file", secretsFile] : [];
    await run("wrangler", ["deploy", "-c", configPath, "--tag", tag, "--message", message, ...withSecrets], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, WRANGLER_OUTPUT_FILE_PATH: report },
      problem: "The upload did not come to its end.",
      advice:
        "wrangler says above how far it came and why not further. Deploy again when it is mended: what was made is found and used.",
    });
    const lines = readFileSync(report, "utf8").split("\n").map(parsed);
    const { version_id: version, targets = [] } = lines.find((line) => line?.type === "deploy") ?? {};
    if (!version)
      throw new Failure(
        "wrangler does not say which version it deployed.",
        "Look with `npx wrangler deployments list`.",
      );
    return { version, address: addressIn(targets) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts routes and the cron trigger in place again, should the last time have broken off. Returns the address, as `upload`. */
export async function placeTriggers(configPath) {
  const placed = await wrangler(["triggers", "deploy", "-c", configPath]);
  if (placed.code !== 0) throw unexpected("the routes and the cron trigger could not be put in place", placed);
  return addressIn(placed.stdout.split("\n").map((line) => line.trim()));
}

/** The first address among what wrangler lists. A route may end in a pattern, and a custom domain comes without a scheme. */
function addressIn(targets) {
  const hosts = targets.map(
    (target) => target.match(/^(?:https:\/\/)?([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]+)(?=[/ *]|$)/i)?.[1],
  );
  const host = hosts.find(Boolean);
  return host && `https://${host}`;
}

async function ensure(what, find, create) {
  const id = await find();
  if (id) return { id, isNew: false };
  const made = await wrangler(create);
  // The list alone tells: an answer can be lost on its way.
  const newId = await find();
  if (newId) return { id: newId, isNew: true };
  throw unexpected(`${what} could not be made`, made);
}

async function list(args) {
  const answer = await wrangler(args);
  const rows = parsed(answer.stdout);
  if (answer.code !== 0 || !Array.isArray(rows))
    throw unexpected(`\`wrangler ${args.join(" ")}\` gives no list`, answer);
  return rows;
}

/** Runs wrangler without a terminal, so that it asks nothing, and collects what it says. */
function wrangler(args) {
  return new Promise((resolve) => {
    const child = spawn(...command("wrangler", args), { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"])
      child[stream].setEncoding("utf8").on("data", (text) => (said[stream] += text));
    child.on("error", (error) => resolve({ code: null, ...said, stderr: error.message }));
    child.on("close", (code) => resolve({ code, ...said }));
  });
}

function unexpected(problem, { code, stdout, stderr }) {
  const said = `${stderr}\n${stdout}`.trim().slice(0, 2000) || `nothing, and ended with code ${code}`;
  return new Failure(
    `${problem[0].toUpperCase()}${problem.slice(1)}. wrangler says:\n${said}`,
    "Nothing that is deployed was changed. Mend what it says and try again.",
  );
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
