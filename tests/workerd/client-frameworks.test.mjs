// The client's helpers for Hono and Next.js, built as published, against a running Postern.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Hono } from "hono";
import { generateKeyPair, SignJWT } from "jose";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { runSilently } from "../../scripts/lib/run.mjs";
import { send, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

let postern;
let hono;
/** @type {typeof import("postern-client/hono").requireSession} */
let requireSession;
/** @type {typeof import("postern-client/next")} */
let next;
before(async () => {
  const { status, stdout, stderr } = runSilently("npm", ["run", "build", "--workspace", "postern-client"]);
  assert.equal(status, 0, stdout + stderr);
  ({ requireSession } = await import("postern-client/hono"));
  next = await import("postern-client/next");
  postern = await startPostern();
  hono = await startHono(postern.url);
});
after(async () => {
  await hono?.dispose();
  await postern?.stop();
});

/** Runs examples/hono on workerd. */
async function startHono(url) {
  const bundle = await build({
    entryPoints: [`${root}/examples/hono/src/index.ts`],
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
      bindings: { POSTERN_URL: url },
      cf: false,
    }),
  );
  await worker.ready;
  return worker;
}

async function ask(method, path, headers = {}) {
  const response = await hono.dispatchFetch(`https://app.example.com${path}`, { method, headers });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const cookie = (token, name = "__Secure-session") => ({ cookie: `theme=dark; ${name}=${token}` });

test("Hono: a session is accepted by bearer token and by cookie", async () => {
  const { token, user } = await signUp(postern, "hono@example.com");
  const greeting = `Hello, user ${user.id}.`;
  for (const headers of [bearer(token), cookie(token), cookie(token, "__Host-session")]) {
    const answer = await ask("GET", "/greeting", headers);
    assert.deepEqual([answer.status, answer.body], [200, { greeting }]);
  }
  assert.deepEqual((await ask("POST", "/transfer", bearer(token))).body, {
    transferred: "on behalf of hono@example.com",
  });
  assert.deepEqual((await ask("GET", "/welcome", bearer(token))).body, { welcome: `Welcome back, ${user.id}.` });
  assert.deepEqual((await ask("GET", "/welcome")).body, { welcome: "Welcome." });
});

test("Hono: an expired token is a 401", async () => {
  const { publicKey, privateKey } = await generateKeyPair("Ed25519");
  const url = "https://auth.example.com";
  const app = new Hono();
  app.use(requireSession({ url, jwks: async () => publicKey }));
  app.get("/", (c) => c.text("in"));
  const claims = { sub: "1", sid: "2", scopes: ["user", 0], purpose: "session", iss: url, aud: url };
  for (const [end, status] of [
    ["1h", 200],
    ["-1s", 401],
  ]) {
    const token = new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", typ: "JWT" });
    const signed = await token.setIssuedAt().setExpirationTime(String(end)).sign(privateKey);
    assert.equal((await app.request("/", { headers: bearer(signed) })).status, status);
  }
});

test("Hono: no session, and a wrong one, is a 401 in the format of Postern", async () => {
  const { token } = await signUp(postern, "refused@example.com");
  const wrong = [
    {},
    bearer("nonsense"),
    cookie("nonsense"),
    // Only in local development.
    cookie(token, "local-session"),
    // A neighboring host has added one.
    { cookie: `__Secure-session=${token}; __Secure-session=${token}` },
    // The header decides, even if it is wrong.
    { ...bearer("nonsense"), ...cookie(token) },
  ];
  for (const headers of wrong) {
    const { status, body, headers: got } = await ask("GET", "/greeting", headers);
    assert.deepEqual([status, body.code, body.detail], [401, "invalid_token", null], JSON.stringify(headers));
    assert.match(got.get("www-authenticate"), /^Bearer /);
  }
  assert.deepEqual((await ask("GET", "/welcome", bearer("nonsense"))).body, { welcome: "Welcome." });
});

test("a cookie whose name begins with white space is another cookie", async () => {
  const { sessionCookie } = await import("postern-client/cookies");
  // `Headers` of Node takes only bytes.
  const received = (cookie) => {
    const headers = Object.assign(new Headers(), { get: (name) => (name === "cookie" ? cookie : null) });
    return sessionCookie({ method: "GET", url: "https://app.example.com", headers });
  };
  // A browser lets a neighboring host set the first three.
  for (const space of ["\u00a0", "\u2003", "\ufeff", "\v", "\f"]) {
    assert.equal(received(`${space}__Host-session=planted`), undefined, JSON.stringify(space));
    assert.equal(received(`a=b; ${space}__Host-session=planted; __Host-session=own`), "own", JSON.stringify(space));
  }
  assert.equal(received("a=b;\t __Host-session=own;c=d"), "own");
});

test("Hono: a session that has ended is rejected where Postern is asked", async () => {
  const { token } = await signUp(postern, "ended@example.com");
  await send(postern, "POST", "/api/auth/logout", { token });
  assert.equal((await ask("POST", "/transfer", bearer(token))).status, 401);
  assert.equal((await ask("GET", "/greeting", bearer(token))).status, 200);
});

test("Hono: a page of another origin changes nothing with the cookie", async () => {
  const { token } = await signUp(postern, "origins@example.com");
  const foreign = [
    {},
    { origin: "https://evil.example.com" },
    { origin: "null" },
    { origin: "https://evil.example.com", "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "none" },
  ];
  for (const headers of foreign) {
    const answer = await ask("POST", "/greeting", { ...cookie(token), ...headers });
    assert.deepEqual([answer.status, answer.body.code], [403, "foreign_origin"], JSON.stringify(headers));
  }
  for (const headers of [{ origin: "https://app.example.com" }, { "sec-fetch-site": "same-origin" }]) {
    assert.equal((await ask("POST", "/greeting", { ...cookie(token), ...headers })).status, 200);
  }
  // Any page can open a WebSocket.
  const { sessionCookie } = await import("postern-client/cookies");
  const upgrade = new Headers({ ...cookie(token), upgrade: "websocket", origin: "https://evil.example.com" });
  const request = { method: "GET", url: "https://app.example.com/socket", headers: upgrade };
  assert.equal(sessionCookie(request), "foreign_origin");
  assert.equal(sessionCookie(request, { origins: ["https://evil.example.com"] }), token);
});

test("Hono: an outage of Postern is a 503 and signs no user out", async () => {
  const { token } = await signUp(postern, "outage@example.com");
  const alone = await startHono("http://localhost:1");
  try {
    for (const path of ["/greeting", "/welcome"]) {
      const response = await alone.dispatchFetch(`https://app.example.com${path}`, { headers: bearer(token) });
      assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "5"]);
      await response.body.cancel();
    }
  } finally {
    await alone.dispose();
  }
});

const visit = { accept: "text/html", "sec-fetch-mode": "navigate" };

test("Next.js: a visit without a session goes to the sign-in page and comes back", async () => {
  const proxy = next.protect({ url: postern.url, appUrl: "https://auth.example.com/" });
  for (const headers of [visit, { accept: "text/html,*/*" }, { ...visit, ...cookie("nonsense") }]) {
    const response = await proxy(new Request("https://app.example.com/account?tab=1", { headers }));
    assert.equal(response.status, 307);
    const expected = `https://auth.example.com/signin?next=${encodeURIComponent("https://app.example.com/account?tab=1")}`;
    assert.equal(response.headers.get("location"), expected);
  }
  // Postern refuses return addresses with these two characters.
  const odd = await proxy(new Request("https://app.example.com/search?q=`\\", { headers: visit }));
  const back = new URL(odd.headers.get("location")).searchParams.get("next");
  assert.equal(back, "https://app.example.com/search?q=%60%5C");
  const behindProxy = next.protect({ url: postern.url, origin: "https://app.example.com" });
  const response = await behindProxy(new Request("http://10.0.0.7:3000/account", { headers: visit }));
  const sent = new URL(response.headers.get("location"));
  assert.equal(sent.origin, postern.url);
  assert.equal(sent.searchParams.get("next"), "https://app.example.com/account");
});

test("Next.js: a call without a session is a 401, and an outage is a 503", async () => {
  const proxy = next.protect({ url: postern.url });
  const call = { accept: "*/*", "sec-fetch-mode": "cors" };
  for (const init of [{ headers: call }, { method: "POST", headers: visit }]) {
    assert.equal((await proxy(new Request("https://app.example.com/api/private", init))).status, 401);
  }
  const { token } = await signUp(postern, "next-outage@example.com");
  const alone = next.protect({ url: "http://localhost:1" });
  const headers = { ...visit, ...cookie(token) };
  assert.equal((await alone(new Request("https://app.example.com/account", { headers }))).status, 503);
});

test("Next.js: a session passes, and server components know it", async () => {
  const { token, user } = await signUp(postern, "next@example.com");
  const options = { url: postern.url, online: true };
  const proxy = next.protect(options);
  for (const headers of [bearer(token), cookie(token), cookie(token, "__Host-session")]) {
    assert.equal(await proxy(new Request("https://app.example.com/account", { headers })), undefined);
    const session = await next.getSession(new Headers({ host: "app.example.com", ...headers }), options);
    assert.equal(session.user.email, user.email);
  }
  const local = new Headers({ host: "localhost:3000", ...cookie(token, "local-session") });
  assert.equal((await next.getSession(local, options)).userId, user.id);

  await send(postern, "POST", "/api/auth/logout", { token });
  assert.equal((await proxy(new Request("https://app.example.com/account", { headers: bearer(token) }))).status, 401);
  assert.equal(await next.getSession(new Headers(cookie(token)), options), null);
  assert.equal(await next.getSession(new Headers(), options), null);
  const unreachable = next.getSession(new Headers(bearer(token)), { url: "http://localhost:1" });
  await assert.rejects(unreachable, { name: "Unverified", status: 503 });
});
