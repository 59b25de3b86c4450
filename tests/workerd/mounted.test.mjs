// Postern behind the Worker of examples/mounted, at the address of an app: Workers and service bindings.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { PASSWORD, signUp } from "./support/client.mjs";
import { NAME, startPostern } from "./support/postern.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const ORIGIN = "https://app.example.com";

/** A Worker between the two, which passes all requests on and says at this path what it has passed. */
const RECORDED = "/assets/recorded";
const recorder = `
let passed = [];
export default {
  async fetch(request, env) {
    const { url, headers } = request;
    if (new URL(url).pathname === "${RECORDED}") return Response.json(passed.splice(0));
    passed.push({ url, address: headers.get("cf-connecting-ip") });
    return await env.POSTERN.fetch(request);
  },
};`;

let postern;
before(async () => {
  const bundle = await build({
    entryPoints: [`${root}/examples/mounted/src/index.ts`],
    bundle: true,
    format: "esm",
    write: false,
  });
  postern = await startPostern({
    settings: { APP_URL: ORIGIN, APP_ORIGINS: ORIGIN },
    inFront: [
      { name: "app", script: bundle.outputFiles[0].text, serviceBindings: { POSTERN: "recorder" } },
      { name: "recorder", script: recorder, serviceBindings: { POSTERN: NAME } },
    ],
  });
  await signUp(postern, "ada@example.com");
});
after(() => postern?.stop());

/**
 * @param {string} path
 * @param {any} [init]
 */
const visit = (path, { headers = {}, ...init } = {}) =>
  postern.fetch(`${ORIGIN}${path}`, {
    headers: { "cf-connecting-ip": "203.0.113.9", ...headers },
    ...init,
  });

async function signIn() {
  const answer = await visit("/api/auth/login", {
    method: "POST",
    headers: { origin: ORIGIN, "content-type": "application/json", "x-session-cookie": "set" },
    body: JSON.stringify({ email: "ada@example.com", password: PASSWORD }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  const [cookie, ...others] = answer.headers.getSetCookie();
  assert.deepEqual(others, []);
  assert.match(cookie, /^__Host-session=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=604800$/);
  return cookie.split(";")[0];
}

test("the pages and the API of Postern are served at the address of the app", async () => {
  for (const path of ["/signin", "/account", "/callback"]) {
    const page = await visit(path);
    assert.equal(page.status, 200, path);
    const text = await page.text();
    for (const [, asset] of text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
      const loaded = await visit(asset);
      assert.equal(loaded.status, 200, asset);
      await loaded.arrayBuffer();
    }
    assert.match(page.headers.get("content-security-policy"), /script-src 'self'/);
  }
  const config = await (await visit("/api/auth/config")).json();
  assert.deepEqual([config.app_url, config.app_origins], [ORIGIN, [ORIGIN]]);
});

test("a user signs in at the address of the app, and the app knows the user", async () => {
  const before = await visit("/cart?a=1");
  assert.equal(before.status, 302);
  assert.equal(before.headers.get("location"), `${ORIGIN}/signin?next=${encodeURIComponent(`${ORIGIN}/cart?a=1`)}`);
  const cookie = await signIn();
  const page = await visit("/cart?a=1", { headers: { cookie } });
  assert.equal(await page.text(), "Hello, ada@example.com.");
  const logout = { method: "POST", headers: { cookie, origin: ORIGIN } };
  assert.equal((await visit("/api/auth/logout", logout)).status, 200);
  assert.equal((await visit("/cart", { headers: { cookie } })).status, 302);
});

test("pages of other origins cannot use the cookie there", async () => {
  const cookie = await signIn();
  for (const origin of [undefined, "null", "https://evil.example.com", "https://auth.example.com"]) {
    const logout = { method: "POST", headers: { cookie, ...(origin && { origin }) } };
    const answer = await visit("/api/auth/logout", logout);
    assert.deepEqual([answer.status, (await answer.json()).code], [403, "foreign_origin"]);
  }
});

test("Postern gets the address of the app and that of the user", async () => {
  const recorded = async () => (await visit(RECORDED)).json();
  await recorded();
  await visit("/api/auth/config");
  await visit("/cart");
  assert.deepEqual(await recorded(), [
    { url: `${ORIGIN}/api/auth/config`, address: "203.0.113.9" },
    { url: `${ORIGIN}/api/auth/me`, address: "203.0.113.9" },
  ]);
});
