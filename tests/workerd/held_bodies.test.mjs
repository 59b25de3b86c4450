// Request bodies whose last byte is withheld: which errors do not wait for them, their timeout, their maximum number, and that
// a request cannot act in the past.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { adminToken, login, me, ok, raw, refused, send, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern({ rateLimit: 1_000_000 });
});
after(() => postern?.stop());

/**
 * Sends all but the last byte of a request. `answer` resolves with the response, whether or not the byte is released.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} json
 * @param {{ token?: string, length?: number, address?: string }} [options]
 */
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

test("errors that depend only on the headers do not wait for the body", async () => {
  for (const [method, path, status, code] of /** @type {[string, string, number, string][]} */ ([
    ["POST", "/api/auth/nothing", 404, "not_found"],
    ["POST", "/nothing", 404, "not_found"],
    ["PATCH", "/api/auth/login", 405, "method_not_allowed"],
  ])) {
    const { answer } = await hold(method, path, { email: "admin", password: "admin" });
    refused(await answer, status, code);
  }
  const { answer } = await hold("POST", "/api/auth/login", {}, { length: 16_385 });
  refused(await answer, 413, "body_too_large");
});

test("a session that ends before the body arrives has no effect", async () => {
  const { token, user } = await signUp(postern, "ada@example.com");
  const rename = await hold("PUT", "/api/auth/me/name", { name: "Too late" }, { token });
  ok(await me(postern, token));
  const now = Date.now();
  await postern.sql("UPDATE sessions SET expires_at = ? WHERE user_id = ?", now + 5, user.id);
  // Late enough that only a clock read before the body could be before the end of the session.
  while (Date.now() < now + 50) await new Promise((resolve) => setTimeout(resolve, 10));
  rename.release();
  refused(await rename.answer, 401, "invalid_token");
  const [{ name }] = await postern.sql("SELECT name FROM users WHERE id = ?", user.id);
  assert.equal(name, null);
});

test("a body that arrives too late is 408, and the request has no effect", async () => {
  const { answer } = await hold("POST", "/api/auth/login", { email: "admin", password: "admin" });
  const sessions = await postern.sql("SELECT count(*) AS n FROM sessions");
  refused(await answer, 408, "request_timeout");
  assert.deepEqual(await postern.sql("SELECT count(*) AS n FROM sessions"), sessions);
});

test("withheld bodies are limited per address and in total, beyond which requests get 503", async () => {
  await adminToken(postern);
  const sockets = [];
  const statuses = new Map();
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  /** Withholds bodies of 16 KiB until one is rejected. In total, they would exceed 4 MiB. */
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
