#!/usr/bin/env node
// A fake wrangler whose account is the file in FAKE_ACCOUNT. It records each call and answers only the commands that the scripts of
// this project use.

import { readFileSync, writeFileSync } from "node:fs";

const path = process.env.FAKE_ACCOUNT;
const account = JSON.parse(readFileSync(path, "utf8"));
const args = process.argv.slice(2);
account.calls.push(args);

const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const config = () => JSON.parse(readFileSync(option("-c"), "utf8"));
const print = (value) => console.log(JSON.stringify(value, null, 2));
const end = (code, message) => {
  if (message) console.error(message);
  writeFileSync(path, JSON.stringify(account));
  process.exit(code);
};

const command = args.filter((arg) => !arg.startsWith("-")).join(" ");
const failing = Object.keys(account.fails).find((start) => command.startsWith(start));
if (failing) end(1, account.fails[failing]);

if (command === "whoami") {
  print(account.isSignedIn ? { loggedIn: true, accounts: account.accounts } : { loggedIn: false });
  end(account.isSignedIn ? 0 : 1);
}
if (!account.isSignedIn) end(1, "You are not logged in.");

if (command.startsWith("deployments status")) {
  const worker = account.workers[option("--name")];
  if (!worker)
    end(1, "A request to the Cloudflare API failed. This Worker does not exist on your account. [code: 10007]");
  print({ id: "a-deployment", versions: [{ version_id: worker.version, percentage: 100 }] });
} else if (command.startsWith("versions view")) {
  const { version, tag, vars, secrets } = account.workers[option("--name")];
  const plain = Object.entries(vars).map(([name, text]) => ({ name, type: "plain_text", text }));
  const secret = Object.keys(secrets).map((name) => ({ name, type: "secret_text" }));
  print({
    id: version,
    annotations: { "workers/tag": tag },
    resources: { bindings: [...plain, ...secret, { name: "DB", type: "d1" }] },
  });
} else if (command === "d1 list") {
  print(account.databases);
} else if (command.startsWith("d1 create")) {
  account.databases.push({ uuid: `id-of-${args[2]}`, name: args[2] });
} else if (command === "kv namespace list") {
  print(account.namespaces);
} else if (command.startsWith("kv namespace create")) {
  account.namespaces.push({ id: `id-of-${args[3]}`, title: args[3] });
} else if (command.startsWith("d1 migrations apply DB") && args.includes("--remote")) {
  account.migrated.push(config().d1_databases[0].database_id);
} else if (command.startsWith("deploy") && !args.includes("--dry-run")) {
  const {
    name,
    vars,
    d1_databases,
    kv_namespaces,
    routes,
    preview_urls: previewUrls,
    workers_dev: workersDev,
  } = config();
  const secrets = option("--secrets-file") ? JSON.parse(readFileSync(option("--secrets-file"), "utf8")) : {};
  const version = `version-${++account.versions}`;
  const stores = [d1_databases[0].database_id, kv_namespaces[0].id];
  const kept = account.workers[name]?.secrets;
  account.workers[name] = {
    version,
    tag: option("--tag"),
    vars,
    secrets: { ...kept, ...secrets },
    stores,
    routes,
    previewUrls,
    workersDev,
  };
  const targets = [`https://${name}.example.workers.dev`, "schedule: * * * * *"];
  writeFileSync(
    process.env.WRANGLER_OUTPUT_FILE_PATH,
    `${JSON.stringify({ type: "deploy", version_id: version, targets })}\n`,
  );
} else if (command.startsWith("triggers deploy")) {
  console.log(
    `Deployed ${config().name} triggers (0.42 sec)\n  https://${config().name}.example.workers.dev\n  schedule: * * * * *`,
  );
} else {
  end(1, `Unknown arguments: ${args.join(" ")}`);
}
end(0);
