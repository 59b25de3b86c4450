// `npm start`: from a fresh clone to a Worker that answers on this machine, with nothing to configure.
//
// The Worker runs under wrangler's own development server, through its API rather than its command: so settings of
// the environment reach the Worker without passing through a file or a command line that others can read.

import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { build, fingerprint, inputs } from "./build.mjs";
import { readable } from "./lib/events.mjs";
import { accountToSignIn } from "./lib/first-account.mjs";
import { explain, Failure, main, root, run, say } from "./lib/run.mjs";
import { completeDevVars, localSettings } from "./lib/settings.mjs";

const startLimitMilliseconds = 60_000;

// wrangler tells nobody about this start, leaves no log behind, and does not ask the net where this machine is (a
// property of requests that the Worker does not read).
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
  await build();
  await migrate();
  const account = await accountToSignIn(settings);
  const worker = await serve(port, settings);
  await checkHealth(address);
  introduce(address, settings, account);
  await rebuildOnChange(worker);
});

function chosenPort() {
  const port = Number(process.env.PORT || 8787);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new Failure(
    `PORT is ${process.env.PORT}, which is no port.`,
    "Choose a number from 1 to 65535: `PORT=9000 npm start`.",
  );
}

/** Looks before minutes of building, and on both loopback addresses: either may be what "localhost" means to a client. */
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
        `Stop what uses it, or choose another: \`PORT=${port + 1} npm start\`.`,
      );
  }
}

async function migrate() {
  say("Applying migrations to the local D1 (some seconds).");
  // Without a terminal it asks nothing: the database is this machine's own.
  const args = ["d1", "migrations", "apply", "DB", "--local"];
  await run("wrangler", args, {
    stdio: ["ignore", "ignore", "inherit"],
    advice: `Run \`npx wrangler ${args.join(" ")}\` to see which migration fails; removing .wrangler/state begins with an empty database.`,
  });
}

async function serve(port, settings) {
  say("Starting the Worker.");
  const { unstable_startWorker: startWorker } = await import("wrangler");
  const bindings = Object.entries(settings).map(([name, value]) => [name, { type: "secret_text", value }]);
  const worker = await startWorker({
    config: join(root, "wrangler.toml"),
    bindings: Object.fromEntries(bindings),
    // Changes are watched below: wrangler itself would leave every request waiting while the source does not compile.
    build: { custom: { command: "" } },
    dev: {
      server: { hostname: "localhost", port },
      inspector: false,
      watch: false,
      // One line a request: the Worker's own, which come through the handler below.
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
    `The Worker runs, but ${address}/health answers ${answer.status}: ${await answer.text()}`,
    "The lines above say why; a setting is changed in .dev.vars or in the environment of `npm start`.",
  );
}

function introduce(address, { ADMIN_EMAIL, MAIL_PROVIDER }, { email, opens }) {
  const who = opens
    ? `Sign in as ${ADMIN_EMAIL ? `${email}, with its ADMIN_PASSWORD` : "admin / admin"}`
    : "Sign in with an account of this database";
  const forgotten = opens
    ? ""
    : `\n  A new password for an account whose password is lost:\n    npm run admin -- reset-password ${email ?? "EMAIL"}\n`;
  console.log(`
  Postern answers on ${address}

  ${who}:
    ${address}/signin
${forgotten}${MAIL_PROVIDER === "outbox" ? `\n  Read the mail it sends:\n    ${address}/dev/outbox\n` : ""}
  A change of the source is built and served at once. Ctrl-C stops everything.
`);
}

/**
 * Builds and reloads whenever an input changes. While the source does not compile, the Worker before it goes on.
 * It looks once a second, because the notifications of the file system lose files that an editor replaces.
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
