// Bodies whose last byte is held back: what is answered without them, how long they may take, how many there may be, and that
// nobody acts in the past with one.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { adminToken, login, me, ok, raw, refused, send, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern({ burst: 1_000_000 });
});
after(() => postern?.stop());

/** Sends all but the last byte of a request. `answer` comes as soon as there is one, whether it is released or not. */
async function hold(method, path, json, { token, length, address = "192.0.2.1" } = {}) {
  const body = JSON.stringify(json);
  const headers = [
    "Host: localhost",
    "Connection: close",
    "Content-Type: application/json",
    `CF-Connecting-IP: ${address}`,
  ];
  headers.push(`Content-Length: ${length ?? body.length}`);
  if (token) headers.push(`Authorization: Bearer ${token}`);
  const held = Promise.withResolvers();
  const bytes = `${method} ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n${body.slice(0, -1)}`;
  const answer = raw(postern, bytes, held.resolve, `${method} ${path}`);
  const socket = await held.promise;
  return { answer, release: () => socket.write(body.slice(-1)) };
}

test("what the head of a request decides is answered while its body is held back", async () => {
  for (const [method, path, status, code] of [
    ["POST", "/api/auth/nothing", 404, "not_found"],
    ["POST", "/nothing", 404, "not_found"],
    ["PATCH", "/api/auth/login", 405, "method_not_allowed"],
  ]) {
    const { answer } = await hold(method, path, { email: "admin", password: "admin" });
    refused(await answer, status, code);
  }
  const { answer } = await hold("POST", "/api/auth/login", {}, { length: 16_385 });
  refused(await answer, 413, "body_too_large");
});

test("a session that ends while the body is held back does nothing", async () => {
  const { token, user } = await signUp(postern, "ada@example.com");
  const rename = await hold("PUT", "/api/auth/me/name", { name: "Too late" }, { token });
  ok(await me(postern, token));
  const now = Date.now();
  await postern.sql("UPDATE sessions SET expires_at = ? WHERE user_id = ?", now + 5, user.id);
  // So much later than the session's end that only a time read before the body can be before it.
  while (Date.now() < now + 50) await new Promise((resolve) => setTimeout(resolve, 10));
  rename.release();
  refused(await rename.answer, 401, "invalid_token");
  const [{ name }] = await postern.sql("SELECT name FROM users WHERE id = ?", user.id);
  assert.equal(name, null);
});

test("a body that does not arrive in time is 408, and its request does nothing", async () => {
  const { answer } = await hold("POST", "/api/auth/login", { email: "admin", password: "admin" });
  const sessions = await postern.sql("SELECT count(*) AS n FROM sessions");
  refused(await answer, 408, "request_timeout");
  assert.deepEqual(await postern.sql("SELECT count(*) AS n FROM sessions"), sessions);
});

test("held bodies have a cap for each address and one for all, beyond which others are 503 until they are gone", async () => {
  await adminToken(postern);
  const sockets = [];
  const statuses = new Map();
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  /** Holds bodies of 16 KiB until one is refused. Together they would be more than 4 MiB. */
  const fill = async (address) => {
    const before = statuses.size;
    for (let number = 0; number < 300; number += 1) {
      const socket = connect({ port: Number(new URL(postern.url).port), host: "127.0.0.1", noDelay: true });
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", (data) => statuses.has(socket) || statuses.set(socket, String(data).split(" ")[1]));
      const headers = ["Host: localhost", "Content-Type: application/json", "Content-Length: 16384"];
      headers.push(`CF-Connecting-IP: ${address}`);
      socket.write(`POST /api/auth/login HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n${" ".repeat(16_000)}`);
    }
    const end = Date.now() + 4_000;
    for (; statuses.size === before; await pause()) assert.ok(Date.now() < end, "the cap was never reached");
  };

  await fill("192.0.2.1");
  const { answer: same } = await hold("POST", "/api/auth/login", {}, { length: 16_384, address: "192.0.2.1" });
  refused(await same, 503, "unavailable");
  ok(await login(postern, "admin", "admin", { address: "192.0.2.2" }));

  await fill("192.0.2.2");
  const { answer: other } = await hold("POST", "/api/auth/login", {}, { length: 16_384, address: "192.0.2.3" });
  refused(await other, 503, "unavailable");
  ok(await send(postern, "GET", "/api/auth/config"));
  refused(await send(postern, "POST", "/api/auth/nothing", { json: {} }), 404, "not_found");
  const refusedOnes = [...statuses.values()];
  assert.ok(
    refusedOnes.every((status) => status === "503"),
    `${refusedOnes}`,
  );
  for (const socket of sockets) socket.destroy();
  const json = { email: "admin", password: "admin", filler: "a".repeat(16_000) };
  const end = Date.now() + 20_000;
  for (; (await send(postern, "POST", "/api/auth/login", { json })).status === 503; await pause()) {
    assert.ok(Date.now() < end, "what was held was never released");
  }
  ok(await login(postern, "admin", "admin"));
});
