// The contestants: each with its Worker, its users, and the requests of each flow.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getMigrations } from "better-auth/db/migration";
import { build } from "esbuild";
import { root } from "../../scripts/lib/run.mjs";
import { options as betterAuthOptions } from "../workers/better_auth_options.mjs";
import { once } from "./load.mjs";
import { compatibilityDate, d1Databases, postern, Runtime, settings } from "./runtime.mjs";
import { record } from "./recording.mjs";

const PASSWORD = "correct horse battery staple";
const json = { "content-type": "application/json" };

/**
 * The number of accounts of each contestant. Logins and session checks rotate among them, so that no two concurrent requests
 * are about the same account.
 */
const users = 64;

/** The names of the flows in reports. */
export const flows = {
  session: "session check",
  login: "login",
  signup: "sign-up",
  token: "verify-token",
};

export const contestants = { postern: startPostern, betterAuth: startBetterAuth, floor: startFloor };

export const names = { postern: "Postern", betterAuth: "Better Auth", floor: "floor" };

/** `entry` is the module in workers/ that wraps the built Worker. */
async function startPostern(shared, entry = "postern.mjs") {
  const hasNames = shared?.inspectorPort !== undefined;
  const runtime = await Runtime.start(postern(settings, { entry, hasNames }), shared);
  await runtime.migrate();
  const { url } = runtime;
  const call = async (request) => JSON.parse((await once(url, request)).text);
  const post = (path, body, headers) => ({
    method: "POST",
    path: `/api/auth/${path}`,
    headers: { ...json, ...elsewhere(), ...headers },
    body: JSON.stringify(body),
  });
  const bearer = (token) => ({ authorization: `Bearer ${token}` });

  const admin = await call(post("login", { email: "admin", password: "admin" }));
  const { token: referrer } = await call(post("me/create-token", {}, bearer(admin.token)));
  const signUp = (email) => post("signup", { referrer, email, password: PASSWORD });
  const sessions = await inTurn(users, (number) => call(signUp(emailOf(number))));
  const [{ password_hash: hash }] = await runtime.sql("SELECT password_hash FROM users WHERE email = ?", emailOf(0));
  const session = around(sessions, ({ token }) => ({ method: "GET", path: "/api/auth/me", headers: bearer(token) }));
  const { version } = JSON.parse((await once(url, { method: "GET", path: "/health" })).text);
  return {
    runtime,
    version,
    // From the PHC string of a real account.
    kdf: hash.split("$").slice(1, 4).join(" "),
    /** How many accounts a flow rotates among. The others are not about an account, or about a new one. */
    accounts: { session: users, login: users },
    flows: {
      session,
      login: around(sessions, ({ user }) => post("login", { email: user.email, password: PASSWORD })),
      signup: () => signUp(newEmail()),
      token: () => ({ method: "GET", path: `/api/auth/verify-token?token=${referrer}`, headers: elsewhere() }),
    },
  };
}

async function startBetterAuth(shared) {
  const runtime = await Runtime.start(
    {
      compatibilityDate,
      compatibilityFlags: ["nodejs_compat"],
      d1Databases,
      modules: [{ type: "ESModule", path: "index.mjs", contents: await bundle("better_auth.mjs") }],
      modulesRoot: root,
    },
    shared,
  );
  const { runMigrations } = await getMigrations(betterAuthOptions(await runtime.database));
  await runMigrations();
  const { url } = runtime;
  const post = (path, body) => ({
    method: "POST",
    path: `/api/auth/${path}`,
    headers: { ...json, ...elsewhere() },
    body: JSON.stringify(body),
  });
  const signUp = (email) => post("sign-up/email", { email, password: PASSWORD, name: "Ada" });
  const cookies = await inTurn(users, async (number) => {
    const { headers } = await once(url, signUp(emailOf(number)));
    return [headers["set-cookie"]]
      .flat()
      .map((cookie) => cookie.split(";")[0])
      .join("; ");
  });
  const session = around(cookies, (cookie) => ({ method: "GET", path: "/api/auth/get-session", headers: { cookie } }));
  // Better Auth returns 200 and null for an unknown session.
  if (!JSON.parse((await once(url, session())).text)?.user)
    throw new Error("Better Auth does not know the session that it began.");
  return {
    runtime,
    version: packageVersion("bench/node_modules/better-auth"),
    kdf: betterAuthKdf(),
    flows: {
      session,
      login: around([...cookies.keys()], (number) =>
        post("sign-in/email", { email: emailOf(number), password: PASSWORD }),
      ),
      signup: () => signUp(newEmail()),
    },
  };
}

/** The floor runs on a database of Postern, which it begins with. */
async function startFloor(shared) {
  const { runtime, flows, accounts } = await startPostern(shared, "recorder.mjs");
  const recordings = {};
  for (const [flow, next] of Object.entries(flows)) {
    recordings[flow] = await record(runtime.url, next, accounts[flow] ?? 1);
  }
  await runtime.become({
    compatibilityDate,
    d1Databases,
    modules: [{ type: "ESModule", path: "index.mjs", contents: await bundle("floor.mjs", recordings) }],
    modulesRoot: root,
  });
  const ask = (flow) => (account) => ({ method: "GET", path: `/${flow}?account=${account}` });
  const numbers = (flow) => [...Array(accounts[flow] ?? 1).keys()];
  return {
    runtime,
    flows: Object.fromEntries(Object.keys(flows).map((flow) => [flow, around(numbers(flow), ask(flow))])),
  };
}

/** Bundles a Worker into one file, resolved like wrangler does. */
async function bundle(entry, recordings = {}) {
  const { outputFiles } = await build({
    entryPoints: [join(root, "bench", "workers", entry)],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["browser", "module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*", "cloudflare:*"],
    plugins: [
      {
        name: "recordings",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^recordings$/ }, ({ path }) => ({ path, namespace: "recordings" }));
          onLoad({ filter: /.*/, namespace: "recordings" }, () => ({
            contents: `export const RECORDINGS = ${JSON.stringify(recordings)}`,
          }));
        },
      },
    ],
  });
  return outputFiles[0].text;
}

export function packageVersion(folder) {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")).version;
}

/** Returns the hash parameters of Better Auth in workerd, from its source. */
function betterAuthKdf() {
  const source = readFileSync(join(root, "bench/node_modules/@better-auth/utils/dist/password.node.mjs"), "utf8");
  const [N, r, p] = ["N", "r", "p"].map((name) => source.match(new RegExp(`\\b${name}: (\\d+)`))?.[1]);
  return `scrypt N=${N},r=${r},p=${p} (node:crypto)`;
}

const emailOf = (number) => `user${number}@example.com`;

let made = 0;
const newEmail = () => `new${++made}@example.com`;

/**
 * Returns the client address of a request: a new one each time, because Postern counts attempts by address and would reject
 * thousands from one address.
 */
let places = 0;
function address() {
  places += 1;
  return `10.${(places >> 16) & 255}.${(places >> 8) & 255}.${places & 255}`;
}
const elsewhere = () => ({ "cf-connecting-ip": address() });

/** Rotates among the items. */
function around(items, request) {
  let next = 0;
  return () => request(items[next++ % items.length]);
}

async function inTurn(count, work) {
  const results = [];
  for (let number = 0; number < count; number++) results.push(await work(number));
  return results;
}
