// What only a real connection shows: repeated and huge headers, bodies that do not end or break off, and the burst guard
// that stands before them.

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

/** The bytes of a request whose connection closes after the answer. */
function request(start, headers = [], body = "") {
  return [`${start} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers, "", body].join("\r\n");
}

const json = "Content-Type: application/json";

test("a header's name counts in any case, and so does the scheme", async () => {
  for (const header of ["authorization: Bearer", "AUTHORIZATION: BEARER", "aUTHORIZATION: bearer"]) {
    ok(await raw(postern, request("GET /api/auth/me", [`${header} ${token}`])));
  }
});

test("two Authorization headers are none, even when both are good", async () => {
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

test("an Authorization header of 64 KiB is no bearer", async () => {
  for (const value of ["a".repeat(65_536), `Bearer ${"a".repeat(65_536)}`, `Bearer ${token}${".a".repeat(32_768)}`]) {
    refused(await raw(postern, request("GET /api/auth/me", [`Authorization: ${value}`])), 401, "invalid_token");
  }
  ok(await send(postern, "GET", "/api/auth/me", { token }));
});

test("headers of bytes that are no ASCII are no bearer, and no reason to fail", async () => {
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

test("a body of 16 KiB is read, and one byte more is too much", async () => {
  const body = (size) => {
    const frame = JSON.stringify({ email: "admin", password: "admin", filler: "" });
    return JSON.stringify({ email: "admin", password: "admin", filler: "a".repeat(size - frame.length) });
  };
  const post = (size) =>
    send(postern, "POST", "/api/auth/login", { body: body(size), headers: { "content-type": "application/json" } });
  ok(await post(16_384));
  refused(await post(16_385), 413, "body_too_large");
});

test("a body that is too large is too much with every method, also where it would mean nothing", async () => {
  for (const [start, status] of [
    ["GET /api/auth/config", 200],
    ["DELETE /api/auth/me", 401],
  ]) {
    const sent = (size) => raw(postern, request(start, [`Content-Length: ${size}`], "a".repeat(size)));
    assert.equal((await sent(16_384)).status, status, start);
    refused(await sent(16_385), 413, "body_too_large");
  }
});

test("a body without a length that goes on and on is refused before its end", async () => {
  const chunk = `4000\r\n${"a".repeat(0x4000)}\r\n`;
  const start = request("POST /api/auth/login", [json, "Transfer-Encoding: chunked"]);
  // Two chunks, and then silence: whoever answers has not waited for the end.
  refused(await raw(postern, start, (socket) => socket.write(chunk + chunk)), 413, "body_too_large");
  // 1 MiB, as fast as it goes.
  refused(await raw(postern, start, (socket) => socket.write(`${chunk.repeat(64)}0\r\n\r\n`)), 413, "body_too_large");
  ok(await login(postern, "admin", "admin"));
});

test("a body that says it is large is refused before its end", async () => {
  const start = request("POST /api/auth/login", [json, "Content-Length: 1048576"], "a".repeat(20_000));
  refused(await raw(postern, start), 413, "body_too_large");
});

test("a body in many small chunks is read whole", async () => {
  const body = '{"email":"admin","password":"admin"}';
  const chunks = [...body].map((character) => `1\r\n${character}\r\n`).join("");
  ok(await raw(postern, request("POST /api/auth/login", [json, "Transfer-Encoding: chunked"], `${chunks}0\r\n\r\n`)));
});

test("a body that breaks off is refused, and is nothing for the log", async () => {
  const half = request("POST /api/auth/login", [json, "Content-Length: 100"], '{"email":"admin",');
  // The client says that no more will come, but still listens.
  const answer = await raw(postern, half, (socket) => socket.end());
  refused(answer, 400, "unreadable_body");
  assert.deepEqual(postern.logs(), []);
});

test("a client that hangs up in the middle of its body does not disturb the others", async () => {
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

test("calls that need no body take none: no content type, no length", async () => {
  const header = `Authorization: Bearer ${token}`;
  for (const start of ["POST /api/auth/me/tokens", "POST /api/auth/me/create-token", "GET /api/auth/me"]) {
    ok(await raw(postern, request(start, [header])));
  }
});

test("a path counts as sent: encoded, doubled and dotted ones lead to no other door", async () => {
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

test("methods that a path has not are refused with those that it has", async () => {
  for (const method of ["PATCH", "OPTIONS", "TRACE", "PROPFIND", "PURGE"]) {
    const answer = await raw(postern, request(`${method} /api/auth/login`));
    refused(answer, 405, "method_not_allowed");
    assert.equal(answer.headers.get("allow"), "POST");
  }
});

test("the burst guard stops a flood from one address, whatever the client says of itself", async () => {
  const guarded = await startPostern({ burst: 5 });
  try {
    const knock = (address, headers) => send(guarded, "GET", "/api/auth/verify-token?token=x", { address, headers });
    // The windows of the guard are aligned to the clock, so one may end in between: not twice, and so of eleven
    // requests the sixth in one window at the latest is refused.
    const refusals = [];
    for (let number = 1; number <= 11; number += 1) {
      // What a client says of itself changes nothing.
      const answer = await knock("192.0.2.1", {
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

    const flooding = async () => (await knock("192.0.2.1")).status === 429;
    await until(flooding);
    ok(await knock("192.0.2.2"));
    // Who is signed in is not stopped by strangers at the same address.
    const admin = await adminToken(guarded);
    for (let number = 0; number < 12; number += 1) {
      ok(await send(guarded, "GET", "/api/auth/me", { token: admin, address: "192.0.2.1" }));
    }
  } finally {
    await guarded.stop();
  }
});

test("a signed-in user has a budget of writes, from whatever address, and others have their own", async () => {
  const limited = await startPostern({ burst: 5 });
  try {
    const admin = await adminToken(limited);
    const rename = (token, number) =>
      send(limited, "PUT", "/api/auth/me/name", {
        token,
        json: { name: `Ada ${number}` },
        address: `192.0.2.${number}`,
      });
    // The windows are aligned to the clock, so one may end in between: of eleven requests one is refused at the latest.
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

test("failed logins are counted by the address that Cloudflare tells, and by nothing that the client tells", async () => {
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
    // One for each account and for the other network; three for the network that the first three come from.
    assert.deepEqual(
      counters.map(({ attempts }) => attempts),
      [1, 1, 1, 1, 1, 3],
    );
  } finally {
    await fresh.stop();
  }
});
