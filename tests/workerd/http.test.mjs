// Tests that need a real connection: repeated and huge headers, endless and interrupted bodies, and the rate limiter.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { adminToken, assertConventions, login, ok, raw, refused, send, until } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
let token;
before(async () => {
  postern = await startPostern();
  token = await adminToken(postern);
});
after(() => postern?.stop());

/** Returns the bytes of a request whose connection closes after the response. */
function request(start, headers = [], body = "") {
  return [`${start} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers, "", body].join("\r\n");
}

const json = "Content-Type: application/json";

test("header names and the bearer scheme are case-insensitive", async () => {
  for (const header of ["authorization: Bearer", "AUTHORIZATION: BEARER", "aUTHORIZATION: bearer"]) {
    ok(await raw(postern, request("GET /api/auth/me", [`${header} ${token}`])));
  }
});

test("two Authorization headers are rejected, even if both are valid", async () => {
  const header = `Authorization: Bearer ${token}`;
  ok(await raw(postern, request("GET /api/auth/me", [header])));
  for (const second of [header, "Authorization: Bearer x", "authorization: Basic YTpi"]) {
    for (const headers of [
      [header, second],
      [second, header],
    ]) {
      refused(await raw(postern, request("GET /api/auth/me", headers)), 401, "invalid_token");
    }
  }
});

test("an Authorization header of 64 KiB is rejected", async () => {
  for (const value of ["a".repeat(65_536), `Bearer ${"a".repeat(65_536)}`, `Bearer ${token}${".a".repeat(32_768)}`]) {
    refused(await raw(postern, request("GET /api/auth/me", [`Authorization: ${value}`])), 401, "invalid_token");
  }
  ok(await send(postern, "GET", "/api/auth/me", { token }));
});

test("non-ASCII header values are rejected without a failure", async () => {
  const bytes = (text) => Buffer.from(text, "latin1");
  const good = `Authorization: Bearer ${token}`;
  const odd = "\xff\xfe\xe9";
  refused(
    await raw(postern, bytes(request("GET /api/auth/me", [`Authorization: Bearer ${odd}`]))),
    401,
    "invalid_token",
  );
  ok(await raw(postern, bytes(request("GET /api/auth/me", [good, `User-Agent: ${odd}`, `Accept: ${odd}`]))));
  const body = '{"email":"admin","password":"admin"}';
  const headers = [`Content-Type: ${odd}`, `Content-Length: ${body.length}`, `User-Agent: ${odd}`];
  refused(await raw(postern, bytes(request("POST /api/auth/login", headers, body))), 415, "unsupported_media_type");
});

test("a body of 16 KiB is accepted, and one byte more is rejected", async () => {
  const body = (size) => {
    const frame = JSON.stringify({ email: "admin", password: "admin", filler: "" });
    return JSON.stringify({ email: "admin", password: "admin", filler: "a".repeat(size - frame.length) });
  };
  const post = (size) =>
    send(postern, "POST", "/api/auth/login", { body: body(size), headers: { "content-type": "application/json" } });
  ok(await post(16_384));
  refused(await post(16_385), 413, "body_too_large");
});

test("a body that is too large is rejected with every method, even where bodies are ignored", async () => {
  for (const [start, status] of /** @type {[string, number][]} */ ([
    ["GET /api/auth/config", 200],
    ["DELETE /api/auth/me", 401],
  ])) {
    const sent = (size) => raw(postern, request(start, [`Content-Length: ${size}`], "a".repeat(size)));
    assert.equal((await sent(16_384)).status, status, start);
    refused(await sent(16_385), 413, "body_too_large");
  }
});

test("an endless body without a length is rejected before its end", async () => {
  const chunk = `4000\r\n${"a".repeat(0x4000)}\r\n`;
  const start = request("POST /api/auth/login", [json, "Transfer-Encoding: chunked"]);
  // Two chunks, then silence. A response shows that the Worker did not wait for the end.
  refused(await raw(postern, start, (socket) => socket.write(chunk + chunk)), 413, "body_too_large");
  // 1 MiB, as fast as possible.
  refused(await raw(postern, start, (socket) => socket.write(`${chunk.repeat(64)}0\r\n\r\n`)), 413, "body_too_large");
  ok(await login(postern, "admin", "admin"));
});

test("a body with a large Content-Length is rejected before its end", async () => {
  const start = request("POST /api/auth/login", [json, "Content-Length: 1048576"], "a".repeat(20_000));
  refused(await raw(postern, start), 413, "body_too_large");
});

test("a body in many small chunks is read completely", async () => {
  const body = '{"email":"admin","password":"admin"}';
  const chunks = [...body].map((character) => `1\r\n${character}\r\n`).join("");
  ok(await raw(postern, request("POST /api/auth/login", [json, "Transfer-Encoding: chunked"], `${chunks}0\r\n\r\n`)));
});

test("an interrupted body is rejected and not logged as an error", async () => {
  const half = request("POST /api/auth/login", [json, "Content-Length: 100"], '{"email":"admin",');
  // The client closes its sending side but still listens.
  const answer = await raw(postern, half, (socket) => socket.end());
  refused(answer, 400, "unreadable_body");
  assert.deepEqual(postern.logs(), []);
});

test("a client that disconnects in the middle of a body does not affect others", async () => {
  const half = request("POST /api/auth/me/create-token", [
    json,
    `Authorization: Bearer ${token}`,
    "Content-Length: 100",
  ]);
  const tokens = async () => ok(await send(postern, "GET", "/api/auth/me/tokens", { token })).length;
  const before = await tokens();
  await Promise.all(Array.from({ length: 20 }, () => raw(postern, `${half}{"name":"x"`, (socket) => socket.destroy())));
  await Promise.all(Array.from({ length: 20 }, () => login(postern, "admin", "admin").then(ok)));
  assert.equal(await tokens(), before);
});

test("calls without parameters need no body, content type or length", async () => {
  const header = `Authorization: Bearer ${token}`;
  for (const start of ["POST /api/auth/me/tokens", "POST /api/auth/me/create-token", "GET /api/auth/me"]) {
    ok(await raw(postern, request(start, [header])));
  }
});

test("paths are matched as sent, so encoded, doubled and dotted ones reach no other endpoint", async () => {
  const header = `Authorization: Bearer ${token}`;
  for (const path of [
    "//api/auth/me",
    "/api/auth/me/",
    "/api//auth/me",
    "/api/auth/%6de",
    "/api/auth/me%2Fname",
    "/API/auth/me",
  ]) {
    refused(await raw(postern, request(`GET ${path}`, [header])), 404, "not_found");
  }
});

test("a wrong method is rejected with the allowed ones", async () => {
  for (const method of ["PATCH", "OPTIONS", "TRACE", "PROPFIND", "PURGE"]) {
    const answer = await raw(postern, request(`${method} /api/auth/login`));
    refused(answer, 405, "method_not_allowed");
    assert.equal(answer.headers.get("allow"), "POST");
  }
});

test("the rate limiter stops a flood from one address, whatever headers the client sends", async () => {
  const guarded = await startPostern({ rateLimit: 5 });
  try {
    const attempt = (address, headers) => send(guarded, "GET", "/api/auth/verify-token?token=x", { address, headers });
    // The windows of the limiter are aligned to the clock, so at most one may end in between. Of eleven requests, one is
    // therefore rejected.
    const refusals = [];
    for (let number = 1; number <= 11; number += 1) {
      // Headers of the client change nothing.
      const answer = await attempt("192.0.2.1", {
        "x-forwarded-for": `198.51.100.${number}`,
        "x-real-ip": `10.0.0.${number}`,
      });
      assertConventions(answer);
      if (answer.status === 429) refusals.push(answer);
      else assert.equal(answer.text, "false");
      if (number <= 5) assert.equal(refusals.length, 0);
    }
    assert.ok(refusals.length > 0);
    const { error } = refused(refusals[0], 429, "too_many_requests");
    assert.match(error, /wait 10 seconds/);
    assert.equal(refusals[0].headers.get("retry-after"), "10");

    const flooding = async () => (await attempt("192.0.2.1")).status === 429;
    await until(flooding);
    ok(await attempt("192.0.2.2"));
    // Strangers at the same address do not block signed-in users.
    const admin = await adminToken(guarded);
    for (let number = 0; number < 12; number += 1) {
      ok(await send(guarded, "GET", "/api/auth/me", { token: admin, address: "192.0.2.1" }));
    }
  } finally {
    await guarded.stop();
  }
});

test("signed-in users have their own budget of writes, from all addresses together", async () => {
  const limited = await startPostern({ rateLimit: 5 });
  try {
    const admin = await adminToken(limited);
    const rename = (token, number) =>
      send(limited, "PUT", "/api/auth/me/name", {
        token,
        json: { name: `Ada ${number}` },
        address: `192.0.2.${number}`,
      });
    // The windows are aligned to the clock, so one may end in between. Of eleven requests, one is rejected.
    const refusals = [];
    for (let number = 1; number <= 11; number += 1) {
      const answer = await rename(admin, number);
      if (answer.status === 429) refusals.push(answer);
      else ok(answer);
      if (number <= 5) assert.equal(refusals.length, 0);
    }
    assert.ok(refusals.length > 0);
    refused(refusals[0], 429, "too_many_requests");
    assert.equal(refusals[0].headers.get("retry-after"), "60");
    for (let number = 0; number < 12; number += 1) ok(await send(limited, "GET", "/api/auth/me", { token: admin }));
  } finally {
    await limited.stop();
  }
});

test("failed logins are counted by the address from Cloudflare, not by headers of the client", async () => {
  const fresh = await startPostern();
  try {
    for (const [number, address] of ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3:4:5:6"].entries()) {
      const headers = { "x-forwarded-for": `198.51.100.${number}`, forwarded: `for=198.51.100.${number}` };
      const answer = await login(fresh, `nobody${number}@example.com`, "wrong password", { address, headers });
      refused(answer, 401, "wrong_credentials");
    }
    refused(
      await login(fresh, "nobody@example.com", "wrong password", { address: "2001:db8:1:3::1" }),
      401,
      "wrong_credentials",
    );
    const counters = await fresh.sql("SELECT attempts FROM throttles ORDER BY attempts");
    // One for each account and for the second network; three for the network of the first three logins.
    assert.deepEqual(
      counters.map(({ attempts }) => attempts),
      [1, 1, 1, 1, 1, 3],
    );
  } finally {
    await fresh.stop();
  }
});
