// Checks new passwords against Pwned Passwords with the platform's fetch. The harness's `outbound` plays the service, so no
// request reaches the network.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { PASSWORD, adminToken, ok, refused, send, userToken } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const asked = [];
/** The response of the service. */
let service;

let postern;
before(async () => {
  postern = await startPostern({
    settings: { BREACHED_PASSWORDS: "range" },
    async outbound({ url, method, headers }) {
      asked.push({ url, method, padding: new Headers(headers).get("add-padding") });
      return await service();
    },
  });
});
after(() => postern?.stop());

const hash = createHash("sha1").update(PASSWORD).digest("hex").toUpperCase();

async function signUp(email) {
  const referrer = await userToken(postern, await adminToken(postern));
  return await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password: PASSWORD } });
}

test("a breached password is rejected, and only five digits of its hash are sent", async () => {
  service = () => new Response(`0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n${hash.slice(5)}:3\r\n`);
  const { detail } = refused(await signUp("ada@example.com"), 422, "invalid_fields");
  assert.equal(detail[0].type, "password_breached");
  assert.deepEqual(asked, [
    { url: `https://api.pwnedpasswords.com/range/${hash.slice(0, 5)}`, method: "GET", padding: "true" },
  ]);
});

test("a service that is down, redirects or is too slow does not block users", async () => {
  service = () => {
    throw new Error("the service is out");
  };
  ok(await signUp("out@example.com"));
  service = () => Response.redirect("https://elsewhere.example/", 302);
  ok(await signUp("elsewhere@example.com"));
  assert.ok(!asked.some(({ url }) => url.includes("elsewhere")), "a redirect was followed");

  service = () => setTimeout(20_000, new Response(`${hash.slice(5)}:3\r\n`), { ref: false });
  const begin = performance.now();
  ok(await signUp("slow@example.com"));
  const seconds = (performance.now() - begin) / 1000;
  assert.ok(seconds > 1.5 && seconds < 10, `the answer came after ${seconds} s`);
});
