// Reads and changes the Cloudflare account, always through wrangler, which has the login.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, Failure, root, run } from "./run.mjs";

/**
 * The codes of Cloudflare's API for a Worker that does not exist. Any other error, such as a 403 or a 404 for the account, says
 * nothing about the Worker and stops the deployment.
 */
const noSuchWorker = /\[code: (10007|10090)\]/;

/** Makes sure that wrangler is signed in, to one account. Returns the account's name. */
export async function account() {
  const { code, stdout } = await wrangler(["whoami", "--json"]);
  const { loggedIn, accounts = [] } = parsed(stdout) ?? {};
  if (code !== 0 || !loggedIn) {
    throw new Failure(
      "You are not signed in to Cloudflare.",
      "Run `npx wrangler login`. Without a browser, set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID instead.",
    );
  }
  const chosen = process.env.CLOUDFLARE_ACCOUNT_ID;
  if (!chosen && accounts.length > 1) {
    const list = accounts.map(({ id, name }) => `${id} (${name})`).join(", ");
    throw new Failure("You have several Cloudflare accounts.", `Set CLOUDFLARE_ACCOUNT_ID to one of ${list}.`);
  }
  return accounts.find(({ id }) => !chosen || id === chosen)?.name ?? chosen ?? "the account of the token";
}

/** Returns what is deployed under a name, or null: `{version, tag, vars, secrets}`, with only the names of the secrets. */
export async function liveVersion(name) {
  const status = await wrangler(["deployments", "status", "--name", name, "--json"]);
  if (status.code !== 0) {
    if (noSuchWorker.test(status.stdout + status.stderr)) return null;
    throw unexpected(`cannot read what is deployed as ${name}`, status);
  }
  const version = parsed(status.stdout)?.versions?.[0]?.version_id;
  const view = await wrangler(["versions", "view", `${version}`, "--name", name, "--json"]);
  const live = parsed(view.stdout);
  if (view.code !== 0 || !live) throw unexpected(`cannot read version ${version} of ${name}`, view);
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

/** Creates a database with this name if there is none. Returns its id and whether it is new. */
export async function ensureDatabase(name) {
  const find = async () => (await list(["d1", "list", "--json"])).find((database) => database.name === name)?.uuid;
  return await ensure(`the database ${name}`, find, ["d1", "create", name]);
}

/** Creates a KV namespace with this name if there is none. Returns its id and whether it is new. */
export async function ensureNamespace(name) {
  const find = async () => (await list(["kv", "namespace", "list"])).find(({ title }) => title === name)?.id;
  return await ensure(`the KV namespace ${name}`, find, ["kv", "namespace", "create", name]);
}

/** Applies new migrations to the database of a configuration. */
export async function migrate(configPath) {
  await run("wrangler", ["d1", "migrations", "apply", "DB", "--remote", "-c", configPath], {
    // Without a terminal, wrangler does not ask for confirmation.
    stdio: ["ignore", "inherit", "inherit"],
    problem: "Cannot apply the migrations. The deployed version is unchanged.",
    advice: "The migration named above failed and was rolled back. Fix it and deploy again.",
  });
}

/**
 * Uploads code, variables and secrets as one version, so that they take effect together. Returns the id of the version, and its
 * address if wrangler prints one.
 */
export async function upload(configPath, { secrets, tag, message }) {
  const folder = mkdtempSync(join(tmpdir(), "postern-deploy-"));
  try {
    const [secretsFile, report] = ["secrets.json", "report.jsonl"].map((name) => join(folder, name));
    // Not on the command line, which other users of this machine can read.
    writeFileSync(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
    const withSecrets = Object.keys(secrets).length > 0 ? ["--secrets-file", secretsFile] : [];
    await run("wrangler", ["deploy", "-c", configPath, "--tag", tag, "--message", message, ...withSecrets], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, WRANGLER_OUTPUT_FILE_PATH: report },
      problem: "The upload failed.",
      advice: "The output of wrangler above says why. Fix the problem and deploy again; what was created is reused.",
    });
    const lines = readFileSync(report, "utf8").split("\n").map(parsed);
    const { version_id: version, targets = [] } = lines.find((line) => line?.type === "deploy") ?? {};
    if (!version)
      throw new Failure(
        "wrangler does not report which version it deployed.",
        "Run `npx wrangler deployments list` to see it.",
      );
    return { version, address: addressIn(targets) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sets routes and the cron trigger again, in case the last deployment was interrupted. Returns the address, as `upload` does. */
export async function placeTriggers(configPath) {
  const placed = await wrangler(["triggers", "deploy", "-c", configPath]);
  if (placed.code !== 0) throw unexpected("cannot set the routes and the cron trigger", placed);
  return addressIn(placed.stdout.split("\n").map((line) => line.trim()));
}

/** Returns the first address that wrangler lists. A route can end in a pattern, and a custom domain has no scheme. */
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
  // The response may have been lost, so the list decides.
  const newId = await find();
  if (newId) return { id: newId, isNew: true };
  throw unexpected(`cannot create ${what}`, made);
}

async function list(args) {
  const answer = await wrangler(args);
  const rows = parsed(answer.stdout);
  if (answer.code !== 0 || !Array.isArray(rows))
    throw unexpected(`\`wrangler ${args.join(" ")}\` does not return a list`, answer);
  return rows;
}

/** Runs wrangler without a terminal, so that it asks nothing. Returns its output. */
function wrangler(args) {
  return new Promise((resolve) => {
    const [program, programArgs] = command("wrangler", args);
    const child = spawn(program, programArgs, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"])
      child[stream].setEncoding("utf8").on("data", (text) => (said[stream] += text));
    child.on("error", (error) => resolve({ code: null, ...said, stderr: error.message }));
    child.on("close", (code) => resolve({ code, ...said }));
  });
}

function unexpected(problem, { code, stdout, stderr }) {
  const said = `${stderr}\n${stdout}`.trim().slice(0, 2000) || `(no output, exit code ${code})`;
  return new Failure(
    `${problem[0].toUpperCase()}${problem.slice(1)}. The output of wrangler:\n${said}`,
    "The deployed version is unchanged. Fix the problem and try again.",
  );
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
