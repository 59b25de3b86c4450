// The verifiers of docs/verify-tokens.md, each as a running server: real tokens of a real Postern, of both algorithms, and forged
// ones. All verifiers get the same table of tokens.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { findPython, installPythonPackages } from "../../scripts/lib/python.mjs";
import { ask, root, runSilently } from "../../scripts/lib/run.mjs";
import { login, ok, PASSWORD, resetToken, send, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";

const FIRST_SECRET = "the-first-auth-secret-of-this-test-that-everybody-knows";
const SECOND_SECRET = "the-second-auth-secret-of-this-test-that-everybody-knows";
const THIRD_SECRET = "the-third-auth-secret-of-this-test-that-everybody-knows";
/** The verifiers fetch the keys for an unknown key at most once in this time. */
const COOLDOWN_SECONDS = 30;
const examples = join(root, "examples", "verify");

/** The verifiers: how each is started, and the program that this machine needs for it. */
const stacks = {
  node: { start: (env) => startProcess(process.execPath, ["server.mjs"], "node", env) },
  worker: { start: startWorker },
  python: { needs: () => findPython(), what: "Python 3.10 with the module venv", start: startPython },
  go: { needs: () => ask("go", ["version"]), what: "Go", start: startGo },
};

const folder = mkdtempSync(join(tmpdir(), "postern-verify-"));
let postern;
/** The tokens by name, each with the status that it gets. */
const cases = [];
/** The running verifiers. */
const verifiers = {};

before(async () => {
  postern = await startPostern({ settings: { AUTH_SECRET: FIRST_SECRET } });
});
after(async () => {
  for (const { stop, proxy } of Object.values(verifiers)) {
    await stop();
    proxy.stop();
  }
  await postern?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a program in the folder of an example. It says where it listens. */
async function startProcess(program, args, cwd, env) {
  const child = spawn(program, args, {
    cwd: join(examples, cwd),
    env: { ...process.env, ...env, PORT: "0", PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, "line"),
    once(child, "exit").then(() => assert.fail(`${program} ${args.join(" ")} has ended`)),
  ]);
  return {
    url: line.match(/^Listening on (http:\S+)$/)[1],
    async stop() {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}

async function startWorker(env) {
  const bundle = await build({
    entryPoints: [join(examples, "worker", "worker.ts")],
    alias: { "postern-client/verify": join(root, "clients", "typescript", "src", "verify.ts") },
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    write: false,
  });
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: bundle.outputFiles[0].text,
      compatibilityDate: "2026-11-17",
      bindings: env,
      cf: false,
      log: new Log(LogLevel.NONE),
    }),
  );
  return { url: (await worker.ready).href.replace(/\/$/, ""), stop: () => worker.dispose() };
}

async function startPython(env) {
  const programs = await installPythonPackages("pyjwt-2.15.1", ["PyJWT[crypto]==2.15.1"]);
  return startProcess(join(programs, "python"), ["server.py"], "python", env);
}

async function startGo(env) {
  const program = join(folder, "verifier");
  const { status, stderr } = runSilently("go", ["build", "-o", program, "."], { cwd: join(examples, "go") });
  assert.equal(status, 0, stderr);
  return startProcess(program, [], "go", env);
}

/** Passes requests for the keys to Postern and counts them. */
async function startProxy() {
  const proxy = {
    isOut: false,
    /** Whether requests get no response. */
    isHanging: false,
    /** The requests that wait for one. */
    held: new Set(),
    requests: 0,
    url: "",
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  const server = createServer(async (request, response) => {
    proxy.requests += 1;
    if (proxy.isOut) {
      response.writeHead(500).end();
      return;
    }
    if (proxy.isHanging) {
      proxy.held.add(request);
      response.once("close", () => proxy.held.delete(request));
      return;
    }
    const answer = await fetch(new URL(request.url, postern.url));
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  proxy.url = `http://localhost:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
  return proxy;
}

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const decode = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
const now = () => Math.floor(Date.now() / 1_000);

/** The private keys that Postern derives from a secret, with their ids. */
async function privateKeys(secret) {
  const derive = (purpose) => Buffer.from(hkdfSync("sha256", secret, "", `postern/1/${purpose}`, 32));
  const pkcs8 = (prefix, scalar) =>
    createPrivateKey({ key: Buffer.concat([Buffer.from(prefix, "hex"), scalar]), format: "der", type: "pkcs8" });
  const keys = {
    EdDSA: pkcs8("302e020100300506032b657004220420", derive("session token")),
    ES256: pkcs8(
      "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
      derive("session token ES256 0"),
    ),
  };
  const published = ok(await send(postern, "GET", "/api/auth/jwks")).keys;
  const found = Object.entries(keys).map(([alg, key]) => {
    const { x } = createPublicKey(/** @type {any} */ (key)).export({ format: "jwk" });
    const jwk = published.find((jwk) => jwk.x === x);
    return [alg, { alg, key, kid: jwk.kid, jwk }];
  });
  return Object.fromEntries(found);
}

function signed({ alg, kid, key }, claims, header = {}) {
  const message = `${encode({ alg, kid, typ: "JWT", ...header })}.${encode(claims)}`;
  const data = Buffer.from(message);
  const signature = alg === "EdDSA" ? sign(null, data, key) : sign("sha256", data, { key, dsaEncoding: "ieee-p1363" });
  return `${message}.${signature.toString("base64url")}`;
}

function hmacSigned(secret, header, claims) {
  const message = `${encode(header)}.${encode(claims)}`;
  return `${message}.${createHmac("sha256", secret).update(message).digest("base64url")}`;
}

/** Makes the tokens. */
async function makeCases(user) {
  const add = (status, name, token, path = "/") => cases.push({ status, name, token, path });
  const keys = await privateKeys(SECOND_SECRET);
  const other = { EdDSA: "ES256", ES256: "EdDSA" };
  const restart = (settings) => postern.restart({ settings });
  for (const alg of ["EdDSA", "ES256"]) {
    const { key, kid, jwk } = keys[alg];
    await restart({ SESSION_TOKEN_ALGORITHM: alg });
    const { token } = ok(await login(postern, user.email, PASSWORD));
    const [header, payload, signature] = token.split(".");
    assert.equal(decode(header).alg, alg);
    const claims = decode(payload);
    const forged = (changes, members) => signed(keys[alg], { ...claims, ...changes }, members);
    const stranger =
      alg === "EdDSA" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: "P-256" });
    const publicJwk = stranger.publicKey.export({ format: "jwk" });

    add(200, `${alg}: a session`, token);
    add(200, `${alg}: the same claims, signed here`, forged({}));
    add(200, `${alg}: a second factor just now`, forged({ acr: "2", auth_time: now() }), "/sensitive");
    add(401, `${alg}: one factor where two are needed`, token, "/sensitive");
    add(401, `${alg}: a second factor an hour ago`, forged({ acr: "2", auth_time: now() - 3_600 }), "/sensitive");
    add(401, `${alg}: no authentication time`, forged({ acr: "2", auth_time: undefined }), "/sensitive");
    add(401, `${alg}: acr as a number`, forged({ acr: 2, auth_time: now() }), "/sensitive");

    add(401, `${alg}: expired`, forged({ exp: now() - 60 }));
    add(401, `${alg}: without an expiry`, forged({ exp: undefined }));
    add(401, `${alg}: not valid yet`, forged({ nbf: now() + 600 }));
    add(401, `${alg}: another audience`, forged({ aud: "https://evil.example" }));
    add(401, `${alg}: without an audience`, forged({ aud: undefined }));
    add(401, `${alg}: another issuer`, forged({ iss: "https://evil.example" }));
    add(401, `${alg}: an issuer that begins the same`, forged({ iss: `${claims.iss}.evil.example` }));
    add(401, `${alg}: without an issuer`, forged({ iss: undefined }));
    add(401, `${alg}: without a user`, forged({ sub: undefined }));
    add(401, `${alg}: without a session`, forged({ sid: undefined }));
    add(401, `${alg}: without scopes`, forged({ scopes: undefined }));
    add(401, `${alg}: another purpose`, forged({ purpose: "password_reset" }));
    add(401, `${alg}: a restricted purpose`, forged({ purpose: "restricted" }));
    add(401, `${alg}: without a purpose`, forged({ purpose: undefined }));

    add(401, `${alg}: an unknown key`, signed({ alg, kid: "unknown", key: stranger.privateKey }, claims));
    add(401, `${alg}: another key under the id of ours`, signed({ alg, kid, key: stranger.privateKey }, claims));
    add(
      401,
      `${alg}: its own key in the header`,
      signed({ alg, kid, key: stranger.privateKey }, claims, { jwk: publicJwk }),
    );
    add(401, `${alg}: a key without an id`, forged({}, { kid: undefined }));
    add(401, `${alg}: another type`, forged({}, { typ: "at+jwt" }));
    add(401, `${alg}: a critical extension`, forged({}, { crit: ["b64x"], b64x: true }));
    add(401, `${alg}: the algorithm of the other key`, forged({}, { alg: other[alg] }));
    add(401, `${alg}: the id of the other key`, forged({}, { kid: keys[other[alg]].kid }));
    add(401, `${alg}: the algorithm in small letters`, forged({}, { alg: alg.toLowerCase() }));
    for (const none of ["none", "None", "nOnE"]) {
      add(401, `${alg}: ${none}, without a signature`, `${encode({ alg: none, kid, typ: "JWT" })}.${payload}.`);
      add(
        401,
        `${alg}: ${none}, with a signature`,
        `${encode({ alg: none, kid, typ: "JWT" })}.${payload}.${signature}`,
      );
    }
    const pem = createPublicKey(key).export({ format: "pem", type: "spki" });
    for (const [name, secret] of Object.entries({
      PEM: pem,
      x: Buffer.from(jwk.x, "base64url"),
      JWK: JSON.stringify(jwk),
    })) {
      add(
        401,
        `${alg}: HS256 with the public key as ${name}`,
        hmacSigned(secret, { alg: "HS256", kid, typ: "JWT" }, claims),
      );
      add(401, `${alg}: an HMAC under its name, ${name}`, hmacSigned(secret, { alg, kid, typ: "JWT" }, claims));
    }
    add(401, `${alg}: truncated`, token.slice(0, -1));
    add(401, `${alg}: half a signature`, token.slice(0, -43));
    add(401, `${alg}: without its signature`, `${header}.${payload}.`);
    add(401, `${alg}: two parts`, `${header}.${payload}`);
    add(401, `${alg}: four parts`, `${token}.${signature}`);
    add(401, `${alg}: a signature of zeros`, `${header}.${payload}.${Buffer.alloc(64).toString("base64url")}`);
    add(
      401,
      `${alg}: the signature of another token`,
      `${header}.${encode({ ...claims, scopes: ["admin", 2] })}.${signature}`,
    );
    add(401, `${alg}: claims that are no object`, signed(keys[alg], "[]"));
    add(401, `${alg}: claims that are no JSON`, signed(keys[alg], "{"));
  }

  add(401, "a reset token", await resetToken(postern, user.email));
  await restart({ DEFAULT_ADMIN: "restricted" });
  const restricted = ok(await login(postern, "admin", "admin"));
  assert.equal(restricted.must_change_password, true);
  add(401, "a restricted token", restricted.token);
  await restart({ DEFAULT_ADMIN: "open" });
  add(401, "no token", "");
  add(401, "any text", "hello");
}

/** Sends a token to a verifier. */
async function present(verifier, token, path = "/") {
  const response = await fetch(`${verifier.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
}

/** The status that a token gets. */
const status = async (verifier, token) => (await present(verifier, token)).status;

/** A session of the user, of each algorithm. */
async function sessions(user) {
  const tokens = [];
  for (const algorithm of ["EdDSA", "ES256"]) {
    await postern.restart({ settings: { SESSION_TOKEN_ALGORITHM: algorithm } });
    tokens.push(ok(await login(postern, user.email, PASSWORD)).token);
  }
  return tokens;
}

/** Returns whether the stack can run here. In CI, one that cannot fails. */
function isMissing(name) {
  const { needs, what } = stacks[name];
  if (!needs || needs()) return false;
  assert.ok(
    !process.env.CI,
    `The example for ${name} cannot be tested: ${what} is missing. Install it, or run .ci/run scripts.`,
  );
  return `${what} is missing`;
}

describe("the verifiers of docs/verify-tokens.md", () => {
  let user;
  let oldest;
  let current;
  const names = Object.keys(stacks);

  before(async () => {
    ({ user } = await signUp(postern, "ada@example.com"));
    oldest = await sessions(user);
    await postern.restart({ settings: { AUTH_SECRET: SECOND_SECRET, AUTH_SECRET_PREVIOUS: FIRST_SECRET } });
    current = await sessions(user);
    await makeCases(user);
  });

  for (const name of names) {
    test(`${name}: only valid tokens are accepted`, async (t) => {
      const missing = isMissing(name);
      if (missing) return t.skip(missing);
      const began = Date.now();
      const proxy = await startProxy();
      proxy.isOut = true;
      const running = await stacks[name].start({ POSTERN_URL: proxy.url, POSTERN_ISSUER: postern.url });
      const verifier = { ...running, proxy };
      verifiers[name] = verifier;

      // Without the keys, the verifier does not know, and asks again for the next request.
      assert.equal(await status(verifier, current[0]), 503);
      proxy.isOut = false;
      assert.deepEqual(await present(verifier, current[0]), {
        status: 200,
        body: { user_id: user.id, role: "user", tier: 0 },
      });
      const { requests } = proxy;

      const wrong = [];
      for (const { name, token, path, status } of cases) {
        const answer = await present(verifier, token, path);
        if (answer.status !== status) wrong.push(`${name}: ${answer.status}`);
      }
      assert.deepEqual(wrong, []);

      // Tokens with unknown keys do not make the verifier fetch the keys each time.
      const unknown = cases.find(({ name }) => name === "ES256: an unknown key").token;
      for (let count = 0; count < 50; count++) assert.equal(await status(verifier, unknown), 401);
      const periods = Math.floor((Date.now() - began) / (COOLDOWN_SECONDS * 1_000));
      assert.ok(proxy.requests <= requests + periods, `${proxy.requests} requests for the keys`);

      // With the keys, it needs nobody.
      proxy.isOut = true;
      for (const token of [...oldest, ...current]) assert.equal(await status(verifier, token), 200);
      proxy.isOut = false;
    });
  }

  test("after a rotation of the secret, new tokens are accepted without a restart and those of the oldest key refused", async () => {
    await postern.restart({ settings: { AUTH_SECRET: THIRD_SECRET, AUTH_SECRET_PREVIOUS: SECOND_SECRET } });
    const newest = await sessions(user);
    for (const [name, verifier] of Object.entries(verifiers)) {
      // While the new key is fetched, and Postern does not respond, users whose key is known do not wait.
      const { proxy } = verifier;
      proxy.isHanging = true;
      let asked;
      for (let attempt = 0; proxy.held.size === 0; attempt++) {
        assert.ok(attempt < 2 * COOLDOWN_SECONDS, `${name} never fetches the new key`);
        asked = status(verifier, newest[0]);
        await setTimeout(1_000);
      }
      const [held] = proxy.held;
      assert.equal(await status(verifier, current[0]), 200, name);
      assert.ok(proxy.held.has(held), `${name} waits for the new key`);
      assert.equal(await asked, 503, name);
      proxy.isHanging = false;
    }
    for (const verifier of Object.values(verifiers)) {
      for (let attempt = 0; (await status(verifier, newest[0])) !== 200; attempt++) {
        assert.ok(attempt < 2 * COOLDOWN_SECONDS, "the new key is never fetched");
        await setTimeout(1_000);
      }
    }
    for (const [name, verifier] of Object.entries(verifiers)) {
      for (const token of [...newest, ...current]) assert.equal(await status(verifier, token), 200, name);
      for (const token of oldest) assert.equal(await status(verifier, token), 401, name);
    }
  });
});
