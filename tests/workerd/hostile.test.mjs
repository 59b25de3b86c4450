// Sends thousands of generated hostile requests. Every response must follow the API contract, nothing may fail, and no account
// may change. A failure prints the seed; `SEED=<seed>` repeats the run.

import assert from "node:assert/strict";
import { Agent, request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { paths } from "../../scripts/lib/pages.mjs";
import {
  adminToken,
  assertConventions,
  login,
  me,
  ok,
  PASSWORD,
  resetToken,
  send,
  signUp,
  userToken,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";
import { Random, seed } from "./support/random.mjs";

const REQUESTS = 10_000;
const AT_ONCE = 8;

let postern;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
/** Bearer tokens of every kind: a session of each algorithm, a reset token, an OTP session token, a user token. */
const tokens = {};
before(async () => {
  // Turns off the rate limiter, so that every request is processed.
  postern = await startPostern({ rateLimit: 1_000_000 });
  const { token, user } = await signUp(postern, "ada@example.com");
  tokens.session = token;
  await postern.restart({ settings: { SESSION_TOKEN_ALGORITHM: "ES256" } });
  tokens.es256 = (await login(postern, "ada@example.com", PASSWORD)).body.token;
  tokens.admin = await adminToken(postern);
  tokens.userToken = await userToken(postern, token);
  tokens.reset = await resetToken(postern, user.email);
  tokens.otp = ok(await send(postern, "POST", "/api/auth/me/send-otp", { token })).token;
});
after(async () => {
  agent.destroy();
  await postern?.stop();
});

const endpoints = [
  ["POST", "/api/auth/login", ["email", "password"]],
  ["POST", "/api/auth/signup", ["referrer", "email", "password", "name"]],
  ["GET", "/api/auth/me", []],
  ["PUT", "/api/auth/me/name", ["name"]],
  ["PUT", "/api/auth/me/password", ["old_password", "new_password"]],
  ["POST", "/api/auth/send-password-reset-link", ["email"]],
  ["POST", "/api/auth/reset-password-with-token", ["password"]],
  ["POST", "/api/auth/me/send-otp", []],
  ["POST", "/api/auth/verify-otp", ["otp", "token"]],
  ["POST", "/api/auth/me/create-token", ["name", "expires_in_days", "max_uses"]],
  ["GET", "/api/auth/verify-token", []],
  ["POST", "/api/auth/invitation", ["token"]],
  ["POST", "/api/auth/me/tokens", []],
  ["DELETE", "/api/auth/me/tokens/{}", []],
  ["GET", "/api/auth/me/tokens/{}/users", []],
  ["GET", "/api/auth/me/sessions", []],
  ["DELETE", "/api/auth/me/sessions/{}", []],
  ["POST", "/api/auth/me/send-invite", ["email", "expires_in_days", "max_uses", "note"]],
  ["POST", "/api/auth/logout", []],
  ["DELETE", "/api/auth/me", []],
  ["GET", "/api/auth/me/events", []],
  ["GET", "/api/auth/admin/users", []],
  ["GET", "/api/auth/admin/users/{}", []],
  ["GET", "/api/auth/admin/users/{}/sessions", []],
  ["DELETE", "/api/auth/admin/users/{}/sessions/{}", []],
  ["PUT", "/api/auth/admin/users/{}", ["name", "role", "tier", "is_active"]],
  ["DELETE", "/api/auth/admin/users/{}", []],
  ["POST", "/api/auth/admin/users/{}/freeze", []],
  ["GET", "/api/auth/admin/invite-tree", []],
  ["GET", "/api/auth/admin/events", []],
  ["GET", "/api/auth/jwks", []],
  ["GET", "/health", []],
  ["GET", "/dev/outbox", []],
];

// The methods that workerd knows. It answers others with 501 and non-ASCII paths with 400, without calling the Worker.
const methods = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "TRACE",
  "PURGE",
  "PROPFIND",
  "MKCOL",
  "SEARCH",
];

const texts = [
  "",
  " ",
  "admin",
  "ada@example.com",
  "nobody@example.com",
  "a@b",
  "\0",
  "a\r\nBcc: eve@example.com",
  "\u202e\u2066\ufeff\u200b",
  "\u212a\u0130\u00df\ufb03",
  "e\u0301".repeat(40),
  "👩‍👩‍👧‍👦".repeat(10),
  "'; DROP TABLE users; --",
  "%00%ff%c0%ae",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it must arrive as written.
  "{{7*7}}${7*7}<script>alert(1)</script>",
  "__proto__",
  "../../etc/passwd",
  "null",
  "0",
  "-1",
  "9".repeat(400),
];

/** @type {unknown[]} */
const values = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  366,
  [],
  {},
  [[]],
  [null],
  { toString: "x" },
  ["a@b.co"],
];

/** One request, in a form that a failure can print. */
function hostile(random) {
  const latin1 = () => String.fromCharCode(random.of([0x21, 0x7e, 0x80, 0xa0, 0xe9, 0xff, 0x61, 0x2e, 0x2c, 0x3d]));
  const unit = () => String.fromCharCode(random.below(0x10000));
  const text = () =>
    random.chance(0.6)
      ? random.of(texts)
      : random.text(random.of([1, 3, 10, 64, 129, 300]), random.chance(0.5) ? latin1 : unit);
  const value = () => (random.chance(0.6) ? text() : random.of(values));

  const [usualMethod, template, members] = random.of(endpoints);
  const method = random.chance(0.85) ? usualMethod : random.of(methods);
  const last = () => encodeURIComponent(text().toWellFormed()).slice(0, 500) || "x";
  let path = template.replace("{}", random.chance(0.3) ? random.of(Object.values(tokens)) : last());
  if (random.chance(0.1))
    path = random.of([
      `${path}/`,
      `/${path}`,
      path.toUpperCase(),
      `${path}/..`,
      `${path}%00`,
      `${path};a=b`,
      `/${last()}`,
    ]);
  if (random.chance(0.3)) {
    path += random.of([
      "?",
      "?token",
      "?token=",
      "?token=%ff%00",
      `?token=${last()}`,
      `?token=${tokens.userToken}&token=x`,
      "?to=%",
      `?${"a&".repeat(500)}`,
      "?token=%u0041",
    ]);
  }

  const headers = {};
  if (random.chance(0.75)) {
    const good = tokens[random.of(random.chance(0.6) ? ["session", "admin"] : Object.keys(tokens))];
    const token = random.chance(0.75) ? good : mangled(random, good, latin1);
    const scheme = random.chance(0.8)
      ? "Bearer "
      : random.of(["bearer   ", "Basic ", "Bearer", "", "Bearer\t", ", Bearer "]);
    headers.authorization = scheme + token;
  }
  if (random.chance(0.2))
    headers[
      random.of([
        "user-agent",
        "accept",
        "origin",
        "x-forwarded-for",
        "x-request-id",
        "cookie",
        "content-language",
        "x-http-method-override",
        "if-none-match",
        "range",
      ])
    ] = random.text(random.of([1, 40, 4_000]), latin1);
  headers["cf-connecting-ip"] = random.of([
    `192.0.2.${random.below(256)}`,
    `2001:db8:${random.below(65_536).toString(16)}::1`,
    "not an address",
    "192.0.2.1, 192.0.2.2",
  ]);

  let body;
  if (members.length > 0 || random.chance(0.3)) {
    const object = {};
    for (const member of members) if (random.chance(0.85)) object[member] = value();
    if (random.chance(0.3))
      Object.assign(object, { id: "1", user_id: "1", role: "admin", is_active: false, tier: 2, extra: {} });
    if (random.chance(0.05)) object[text()] = value();
    // Changes that this bearer token may make must stay invalid: `null` would remove the name.
    const name = path.toLowerCase().includes("/me/name");
    if (name) object.name = random.of(["", "  ", "\n", "a".repeat(101), 1, ["Ada"], {}]);
    if ("old_password" in object && object.old_password === "admin") object.old_password = "wrong";
    let json = JSON.stringify(object);
    if (random.chance(0.15))
      json = random.of([
        json.slice(0, -1),
        `${json}x`,
        `[${json}]`,
        "null",
        '"',
        "",
        "[".repeat(10_000),
        '{"a":'.repeat(3_000),
        `{"a":${"9".repeat(5_000)}}`,
        '{"email":"\\ud800"}',
        "\ufeff{}",
        JSON.stringify({ ...object, filler: "a".repeat(16_384) }),
        '{"email":1,"email":2}',
        '{"password":1e999999}',
        "NaN",
      ]);
    body = Buffer.from(json);
    const type = random.of([
      "application/json",
      "application/json",
      "application/json",
      "application/json; charset=utf-8",
      "APPLICATION/JSON",
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "multipart/form-data; boundary=x",
      "application/json, text/plain",
      ";",
      "\xe9",
      undefined,
    ]);
    if (path.includes("verify-otp") && random.chance(0.8)) {
      const [otp, token] = [encodeURIComponent(text().toWellFormed()), random.chance(0.5) ? tokens.otp : last()];
      const part = (name, value) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
      [headers["content-type"], body] = random.of([
        ["application/x-www-form-urlencoded", `otp=${otp}&token=${token}`],
        ["application/x-www-form-urlencoded", "otp=%ff&token=%00&&&=&otp"],
        ["multipart/form-data; boundary=x", `${part("otp", otp)}${part("token", token)}--x--\r\n`],
        ["multipart/form-data; boundary=x", `${part("otp", otp)}${part('token"; filename="a', token)}`],
        ["multipart/form-data; boundary=x", part("otp", otp).repeat(100)],
        [`multipart/form-data; boundary=${"x".repeat(100)}`, "--x"],
      ]);
      body = Buffer.from(body);
    } else if (type !== undefined) headers["content-type"] = type;
    if (random.chance(0.1) && body.length > 0 && !name) body[random.below(body.length)] = random.below(256);
    if (random.chance(0.03)) body = Buffer.alloc(20_000, 0x20);
    if (random.chance(0.3)) headers["transfer-encoding"] = "chunked";
    else headers["content-length"] = body.length;
  }

  // Users may deactivate their account, log out, and use their own reset link.
  const honest = [tokens.session, tokens.es256, tokens.admin, tokens.reset].some((token) =>
    headers.authorization?.endsWith(token),
  );
  if (
    honest &&
    /logout|reset-password|me\/sessions\/|auth\/me\b(?!\/)/.test(path) &&
    !["GET", "HEAD"].includes(method)
  ) {
    headers.authorization += ".";
  }
  return { method, path, headers, body };
}

/** Returns an invalid token. */
function mangled(random, token, latin1) {
  const at = random.below(token.length);
  return random.of([
    token.slice(0, at),
    token.slice(0, at) + latin1() + token.slice(at + 1),
    `${token}.`,
    `${token}=`,
    token.toUpperCase(),
    `${Buffer.from('{"alg":"none"}').toString("base64url")}.${token.split(".")[1]}.`,
    `${Buffer.from(JSON.stringify({ alg: "EdDSA", jku: "https://evil.example", crit: ["x"] })).toString("base64url")}.e30.AA`,
    `${Buffer.from("[".repeat(5_000)).toString("base64url")}.e30.AA`,
    ".".repeat(at + 1),
    "a".repeat(random.of([1, 1_000, 30_000])),
    random.text(at + 1, latin1),
  ]);
}

/** Sends the request without `fetch`, which would correct parts of it. */
function deliver({ method, path, headers, body }) {
  return new Promise((resolve, reject) => {
    const { port } = new URL(postern.url);
    const request = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const answer = {
          status: response.statusCode,
          headers: new Headers(/** @type {Record<string, string>} */ (response.headers)),
          text,
          what: `${method} ${path}`,
        };
        if (answer.headers.get("content-type") === "application/json" && text !== "") answer.body = JSON.parse(text);
        resolve(answer);
      });
    });
    // The connection may close before the end of a rejected body. Only the response counts.
    request.on("error", (error) => (Reflect.get(request, "res") ? undefined : reject(error)));
    request.end(body);
  });
}

test(`${REQUESTS} hostile requests get valid responses and change no account (SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  // Anyone who knows an email can request a reset link, which invalidates the previous one.
  const readUsers = async () =>
    (await postern.sql("SELECT * FROM users ORDER BY id")).map((user) => ({ ...user, password_reset_id: null }));
  const users = await readUsers();
  assert.equal(users.length, 2);
  const statuses = new Map();
  const requests = Array.from({ length: REQUESTS }, () => hostile(random));
  let next = 0;
  const work = async () => {
    while (next < requests.length) {
      const number = next++;
      const request = requests[number];
      try {
        const answer = await deliver(request);
        assert.ok(answer.status < 500, `it answered ${answer.status}: ${answer.text}`);
        // Paths of pages, such as `/admin` and `/..`, are answered by the assets, not the Worker.
        if (!paths.includes(new URL(postern.url + request.path).pathname)) assertConventions(answer);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      } catch (error) {
        const printed = JSON.stringify({ ...request, body: request.body?.toString("latin1") });
        throw new Error(`SEED=${seed}, request ${number}: ${error.message}\n${printed.slice(0, 4_000)}`, {
          cause: error,
        });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  t.diagnostic(`answers by status: ${JSON.stringify(Object.fromEntries([...statuses].sort(([a], [b]) => a - b)))}`);

  assert.deepEqual(await readUsers(), users, `SEED=${seed}`);
  assert.deepEqual(postern.logs(), [], `SEED=${seed}`);
  // Checks that the generator got far enough: every intended kind of error occurred.
  for (const status of [200, 400, 401, 403, 404, 405, 413, 415, 422]) {
    assert.ok(statuses.has(status), `no answer ${status} in ${REQUESTS} requests; SEED=${seed}`);
  }
  ok(await me(postern, tokens.session));
  ok(await me(postern, tokens.es256));
});
