// `npm start`: builds and runs the Worker on this machine, from a fresh clone, without any configuration.
//
// Starts wrangler's development server through its API instead of its command, so that settings from the environment reach
// the Worker without a file or a command line that other users can read.

import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { build, fingerprint, inputs } from "./build.mjs";
import { readable } from "./lib/events.mjs";
import { accountToSignIn } from "./lib/first-account.mjs";
import { explain, Failure, main, root, run, say } from "./lib/run.mjs";
import { completeDevVars, localSettings, strayProviderSettings } from "./lib/settings.mjs";

const startLimitMilliseconds = 60_000;

// Disables wrangler's telemetry and log files, and the lookup of this machine's location (`request.cf`), which the Worker does
// not use.
Object.assign(process.env, {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_WRITE_LOGS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
});

await main(async () => {
  const port = chosenPort();
  await refuseTakenPort(port);
  const address = `http://localhost:${port}`;

  completeDevVars();
  const settings = localSettings({ APP_URL: address });
  refuseStrays(settings);
  await build();
  await migrate();
  const account = await accountToSignIn(settings);
  const worker = await serve(port, settings);
  await checkHealth(address);
  introduce(address, settings, account);
  await rebuildOnChange(worker);
});

function refuseStrays(settings) {
  const given = Object.entries({ ...process.env, ...settings }).filter(([, value]) => value !== "");
  const problems = strayProviderSettings(
    given.map(([name]) => name),
    settings.IDENTITY_PROVIDERS,
  );
  if (problems.length === 0) return;
  throw new Failure(
    problems.map(({ message }) => message).join("\n"),
    "Change .dev.vars or the environment of `npm start`.",
  );
}

function chosenPort() {
  const port = Number(process.env.PORT || 8787);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new Failure(
    `PORT is ${process.env.PORT}, which is not a valid port.`,
    "Choose a number from 1 to 65535: `PORT=9000 npm start`.",
  );
}

/** Fails before the long build if the port is in use on either loopback address: clients may resolve "localhost" to both. */
async function refuseTakenPort(port) {
  for (const host of ["127.0.0.1", "::1"]) {
    const taken = await new Promise((resolve) => {
      const connection = createConnection({ host, port });
      connection.on("connect", () => resolve(true)).on("error", () => resolve(false));
      connection.on("connect", () => connection.destroy());
    });
    if (taken)
      throw new Failure(
        `Port ${port} is in use.`,
        `Stop the program that uses it, or choose another port: \`PORT=${port + 1} npm start\`.`,
      );
  }
}

async function migrate() {
  say("Applying migrations to the local database (a few seconds).");
  // Without a terminal, wrangler does not ask for confirmation, which a local database does not need.
  const args = ["d1", "migrations", "apply", "DB", "--local"];
  await run("wrangler", args, {
    stdio: ["ignore", "ignore", "inherit"],
    advice: `Run \`npx wrangler ${args.join(" ")}\` to see which migration fails. To start with an empty database, delete .wrangler/state.`,
  });
}

async function serve(port, settings) {
  say("Starting the Worker.");
  const { unstable_startWorker: startWorker } = await import("wrangler");
  const bindings = Object.entries(settings).map(([name, value]) => [name, { type: "secret_text", value }]);
  const worker = await startWorker({
    config: join(root, "wrangler.toml"),
    bindings: Object.fromEntries(bindings),
    // rebuildOnChange watches for changes: wrangler itself would block every request while the source does not compile.
    build: { custom: { command: "" } },
    dev: {
      server: { hostname: "localhost", port },
      inspector: false,
      watch: false,
      // Only the Worker's own line per request, which goes to the handler below.
      logLevel: "warn",
      structuredLogsHandler: ({ message }) => console.log(readable(message)),
    },
  });

  const stop = async () => {
    say("Stopping.");
    await worker.dispose();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, stop);
  await worker.ready;
  return worker;
}

async function checkHealth(address) {
  const answer = await fetch(`${address}/health`, { signal: AbortSignal.timeout(startLimitMilliseconds) });
  if (answer.ok) return;
  throw new Failure(
    `The Worker runs, but ${address}/health returns ${answer.status}: ${await answer.text()}`,
    "The lines above say why. You can change settings in .dev.vars or in the environment of `npm start`.",
  );
}

function introduce(address, { ADMIN_EMAIL, MAIL_PROVIDER }, { email, opens }) {
  const who = opens
    ? `Sign in as ${ADMIN_EMAIL ? `${email} with the ADMIN_PASSWORD` : "admin / admin"}`
    : "Sign in with an existing account";
  const forgotten = opens
    ? ""
    : `\n  To reset a forgotten password:\n    npm run admin -- reset-password ${email ?? "EMAIL"}\n`;
  console.log(`
  Postern is running at ${address}

  ${who}:
    ${address}/signin
${forgotten}${MAIL_PROVIDER === "outbox" ? `\n  Read the emails it sends:\n    ${address}/dev/outbox\n` : ""}
  Source changes are rebuilt and reloaded automatically. Press Ctrl-C to stop.
`);
}

/**
 * Rebuilds and reloads when an input changes. While the source does not compile, the previous Worker keeps running.
 * Polls once a second, because file system notifications miss files that an editor replaces.
 */
async function rebuildOnChange(worker) {
  let built = fingerprint(inputs);
  for (;;) {
    await setTimeout(1000);
    const now = fingerprint(inputs);
    if (now === built) continue;
    built = now;
    try {
      if (await build()) await worker.patchConfig({});
    } catch (error) {
      explain(error);
    }
  }
}
