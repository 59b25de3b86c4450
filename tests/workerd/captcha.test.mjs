// Turnstile: the platform's fetch to Cloudflare, and the policy of the pages. The harness's `outbound` plays Cloudflare, so no request
// reaches the network.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { paths } from "../../scripts/lib/pages.mjs";
import { PASSWORD, adminToken, ok, refused, send, userToken } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

// https://developers.cloudflare.com/turnstile/troubleshooting/testing/
const always = { site: "1x00000000000000000000AA", secret: "1x0000000000000000000000000000000AA" };
const spent = "3x0000000000000000000000000000000AA";
const dummy = "XXXX.DUMMY.TOKEN.XXXX";
const origin = "https://challenges.cloudflare.com";

const asked = [];
/**
 * The response of Cloudflare.
 * @type {(body: any) => Response | Promise<Response>}
 */
let cloudflare = testKeys;

/** Cloudflare's responses to its test keys. */
function testKeys({ secret, response }) {
  const refusal = (code) => Response.json({ success: false, "error-codes": [code], messages: [] });
  if (secret === spent) return refusal("timeout-or-duplicate");
  if (secret !== always.secret || response !== dummy) return refusal("invalid-input-response");
  return Response.json({
    success: true,
    "error-codes": [],
    challenge_ts: "2026-11-28T02:00:00.000Z",
    hostname: "example.com",
    metadata: { result_with_testing_key: true },
  });
}

let postern;
let referrer;
before(async () => {
  postern = await startPostern({
    settings: { TURNSTILE_SITE_KEY: always.site, TURNSTILE_SECRET_KEY: always.secret },
    async outbound(request) {
      const body = await request.json();
      asked.push({ url: request.url, method: request.method, body });
      return await cloudflare(body);
    },
  });
  referrer = await userToken(postern, await adminToken(postern));
});
after(() => postern?.stop());

const signUp = (email, captcha) =>
  send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password: PASSWORD, captcha } });

test("Cloudflare's test keys let the dummy token pass and no other", async () => {
  ok(await signUp("ada@example.com", dummy));
  assert.deepEqual(asked, [
    {
      url: `${origin}/turnstile/v0/siteverify`,
      method: "POST",
      body: { secret: always.secret, response: dummy },
    },
  ]);
  refused(await signUp("eve@example.com", "a real token"), 403, "captcha_refused");
  refused(await signUp("eve@example.com"), 403, "captcha_refused");
  assert.equal(ok(await send(postern, "GET", "/api/auth/config")).turnstile_site_key, always.site);
});

test("if Cloudflare is down, redirects, is too slow or says something else, nobody signs up", async () => {
  const failures = {
    down: () => {
      throw new Error("Cloudflare is out");
    },
    redirect: () => Response.redirect("https://elsewhere.example/", 302),
    page: () => new Response("<!doctype html><title>Just a moment</title>", { status: 403 }),
    slow: (body) => setTimeout(30_000, testKeys(body), { ref: false }),
  };
  for (const [name, failure] of Object.entries(failures)) {
    cloudflare = failure;
    const begin = performance.now();
    refused(await signUp(`${name}@example.com`, dummy), 503, "unavailable");
    const seconds = (performance.now() - begin) / 1000;
    assert.ok(seconds < 15, `${name}: the answer came after ${seconds} s`);
  }
  cloudflare = testKeys;
  assert.ok(!asked.some(({ url }) => url.includes("elsewhere")), "a redirect was followed");
  const users = await postern.sql("SELECT email FROM users WHERE role = 'user' ORDER BY email");
  assert.deepEqual(users, [{ email: "ada@example.com" }]);
});

/** The sources of each directive of a page's policy. */
async function policy(path, options) {
  const { status, headers } = await postern.fetch(path, options);
  assert.equal(status, 200, path);
  const directives = headers.get("content-security-policy").split("; ");
  return { headers, ...Object.fromEntries(directives.map((directive) => directive.split(/ (.*)/))) };
}

test("only the pages with the widget allow Turnstile, and only if it is on", async () => {
  for (const method of ["GET", "HEAD"]) {
    for (const path of paths) {
      const { headers, ...directives } = await policy(path, { method });
      const isOpen = ["/signin", "/signup", "/forgot-password"].includes(path);
      assert.equal(directives["script-src"], isOpen ? `'self' ${origin}` : "'self'", path);
      assert.equal(directives["frame-src"], isOpen ? origin : undefined, path);
      assert.equal(directives["default-src"], "'none'", path);
      assert.equal(directives["connect-src"], "'self'", path);
      assert.equal(directives["frame-ancestors"], "'none'", path);
      assert.equal(headers.get("referrer-policy"), "no-referrer", path);
      assert.equal(headers.get("content-type"), "text/html; charset=utf-8", path);
    }
  }
  const before = await (await postern.fetch("/signup?referrer=x")).text();
  assert.match(before, /<script type="module" src="\/assets\/signup\.js">/);

  await postern.restart({ settings: { TURNSTILE_SITE_KEY: undefined, TURNSTILE_SECRET_KEY: undefined } });
  for (const path of paths) {
    const directives = await policy(path);
    assert.deepEqual([directives["script-src"], directives["frame-src"]], ["'self'", undefined], path);
  }
  assert.equal(await (await postern.fetch("/signup?referrer=x")).text(), before);
  const { headers } = await policy("/signup");
  const etag = headers.get("etag");
  assert.ok(etag);

  // A browser that has stored the page gets it again with its new policy.
  await postern.restart({ settings: { TURNSTILE_SITE_KEY: always.site, TURNSTILE_SECRET_KEY: always.secret } });
  const again = await policy("/signup", { headers: { "If-None-Match": etag } });
  assert.equal(again["script-src"], `'self' ${origin}`);
  assert.equal(again.headers.get("etag"), null);
});

test("a token that was used is refused", async () => {
  await postern.restart({ settings: { TURNSTILE_SECRET_KEY: spent } });
  refused(await signUp("eve@example.com", dummy), 403, "captcha_refused");
});
