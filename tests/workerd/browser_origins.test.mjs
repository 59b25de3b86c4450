// Headers that browsers add by themselves: `Origin`, preflights, and the session cookie.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { adminToken, assertConventions, login, ok, raw, refused, send, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const LISTED = "https://spa.example";
/** An app on the same site. */
const APP = "http://localhost:5174";
// Local development over plain http. tests/api/session_cookie.rs tests the attributes in production.
const CLEARED = "local-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";

let postern;
let own;
before(async () => {
  postern = await startPostern({ settings: { CORS_ORIGINS: `${LISTED},http://localhost:5173`, APP_ORIGINS: APP } });
  own = postern.url;
});
after(() => postern?.stop());

const preflight = (path, origin) =>
  send(postern, "OPTIONS", path, { headers: { origin, "access-control-request-method": "PUT" } });

/** Signs in like a page of the service. Returns the token in the cookie. */
async function cookieOf(email, password) {
  const answer = await login(postern, email, password, { headers: { origin: own, "x-session-cookie": "set" } });
  const { token } = ok(answer);
  const [cookie, ...others] = answer.headers.getSetCookie();
  assert.deepEqual(others, []);
  assert.equal(cookie, `local-session=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800`);
  return token;
}

const cookie = (token) => `theme=dark; local-session=${token}`;

test("a listed page passes the preflight and can read the response, other pages cannot", async () => {
  const asked = await preflight("/api/auth/me/name", LISTED);
  assert.deepEqual([asked.status, asked.text], [204, ""]);
  assert.equal(asked.headers.get("access-control-allow-origin"), LISTED);
  assert.equal(asked.headers.get("access-control-allow-methods"), "PUT");
  assert.equal(asked.headers.get("access-control-allow-headers"), "Authorization, Content-Type, If-Match, X-Acting-As");

  const token = await adminToken(postern);
  for (const options of [{ token }, {}]) {
    const answer = await send(postern, "GET", "/api/auth/me", { ...options, headers: { origin: LISTED } });
    assertConventions(answer);
    assert.equal(answer.status, options.token ? 200 : 401);
    assert.equal(answer.headers.get("access-control-allow-origin"), LISTED);
    assert.equal(
      answer.headers.get("access-control-expose-headers"),
      "X-Refresh-Token, X-Request-Id, Retry-After, ETag, X-Total-Count",
    );
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
    assert.equal(answer.headers.get("vary"), "Origin");
  }

  refused(await preflight("/api/auth/me/name", "https://evil.example"), 405, "method_not_allowed");
  for (const origin of ["https://evil.example", "null", `${LISTED}.evil.example`, `${LISTED}, ${LISTED}`]) {
    const answer = await send(postern, "GET", "/api/auth/me", { token, headers: { origin } });
    ok(answer);
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
  }
});

test("only the service's own pages can use the session cookie", async () => {
  const { user } = await signUp(postern, "ada@example.com");
  const token = await cookieOf(user.email);
  const get = (path) => send(postern, "GET", path, { headers: { cookie: cookie(token) } });
  const put = (headers) =>
    send(postern, "PUT", "/api/auth/me/name", {
      json: { name: "Ada" },
      headers: { cookie: cookie(token), ...headers },
    });
  assert.equal(ok(await get("/api/auth/me")).id, user.id);
  assert.equal(ok(await get("/api/auth/me/sessions")).filter(({ current }) => current).length, 1);

  // Another port is the same site, so browsers send the cookie, but it is a different origin.
  for (const headers of [
    {},
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://localhost:1" },
  ]) {
    const answer = await put(headers);
    refused(answer, 403, "foreign_origin");
    assert.deepEqual(answer.headers.getSetCookie(), []);
  }
  for (const headers of [{}, { origin: "https://evil.example", "x-session-cookie": "set" }, { origin: own }]) {
    const answer = await login(postern, user.email, undefined, { headers });
    ok(answer);
    assert.deepEqual(answer.headers.getSetCookie(), []);
  }
  assert.equal(ok(await get("/api/auth/me")).name, null);
  ok(await put({ origin: own }));
  assert.equal(ok(await get("/api/auth/me")).name, "Ada");

  const logout = await send(postern, "POST", "/api/auth/logout", { headers: { cookie: cookie(token), origin: own } });
  ok(logout);
  assert.deepEqual(logout.headers.getSetCookie(), [CLEARED]);
  const late = await get("/api/auth/me");
  refused(late, 401, "invalid_token");
  assert.deepEqual(late.headers.getSetCookie(), []);
});

test("an app on the same site uses the session cookie, except for admin calls and sensitive changes", async () => {
  const { user } = await signUp(postern, "app@example.com");
  const signedIn = await login(postern, user.email, undefined, { headers: { origin: APP, "x-session-cookie": "set" } });
  const { token } = ok(signedIn);
  assert.match(signedIn.headers.getSetCookie().join(), new RegExp(`^local-session=${token};`));
  const call = (method, path, json, headers = {}) =>
    send(postern, method, path, { json, headers: { cookie: cookie(token), origin: APP, ...headers } });
  const asked = await preflight("/api/auth/me/name", APP);
  const answers = [
    asked,
    await call("GET", "/api/auth/me"),
    await call("PUT", "/api/auth/me/name", { name: "Ada" }, { "x-acting-as": user.id }),
  ];
  assert.match(asked.headers.get("access-control-allow-headers"), /X-Session-Cookie/);
  for (const { headers, status } of answers) {
    assert.ok(status === 200 || status === 204);
    assert.equal(headers.get("access-control-allow-origin"), APP);
    assert.equal(headers.get("access-control-allow-credentials"), "true");
    assert.equal(headers.get("vary"), "Origin");
  }
  refused(
    await call("PUT", "/api/auth/me/name", { name: "Eve" }, { "x-acting-as": "another" }),
    409,
    "account_changed",
  );
  refused(await call("POST", "/api/auth/me/totp"), 403, "foreign_origin");
  refused(await call("GET", "/api/auth/admin/users"), 403, "foreign_origin");
  // Origins of CORS_ORIGINS get no credentials.
  for (const origin of ["http://localhost:5173", "http://localhost:5175"]) {
    const answer = await call("PUT", "/api/auth/me/name", { name: "Eve" }, { origin });
    refused(answer, 403, "foreign_origin");
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
  }
  assert.equal(ok(await call("GET", "/api/auth/me")).name, "Ada");
});

test("duplicate session cookies are ignored", async () => {
  const token = await cookieOf("admin", "admin");
  const get = (...headers) =>
    raw(
      postern,
      ["GET /api/auth/me HTTP/1.1", "Host: localhost", "Connection: close", ...headers, "", ""].join("\r\n"),
    );
  ok(await get(`Cookie: ${cookie(token)}`));
  const twice = [`Cookie: local-session=${token}`, `Cookie: local-session=${token}`];
  refused(await get(...twice), 401, "invalid_token");
  refused(await get(`Cookie: local-session=${token}; local-session=${token}`), 401, "invalid_token");
  // With any Authorization header, the cookie is ignored.
  for (const value of ["Bearer", "Bearer x", "Basic YTpi"]) {
    refused(await get(`Cookie: ${cookie(token)}`, `Authorization: ${value}`), 401, "invalid_token");
  }
});
