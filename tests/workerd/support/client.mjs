// A test client for Postern: normal requests with checks of the API's conventions, the mails of the outbox, raw bytes, and
// concurrent requests.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { Authenticator } from "./authenticator.mjs";

export const PASSWORD = "correct horse battery";

/**
 * @typedef {object} Options What a request sends.
 * @property {unknown} [json] Sent as a JSON body.
 * @property {Record<string, string>} [form] Sent as multipart/form-data.
 * @property {string | null} [token] The bearer token.
 * @property {string} [address] The client address, in Cloudflare's header.
 * @property {Record<string, string>} [headers]
 * @property {BodyInit} [body]
 */

/**
 * Sends a request and reads the whole response.
 *
 * @param {any} postern A running Postern.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 */
export async function send(postern, method, path, { json, form, token, address, headers = {}, body } = {}) {
  if (form) {
    body = new FormData();
    for (const [name, value] of Object.entries(form)) body.set(name, value);
  }
  const response = await postern.fetch(path, {
    method,
    headers: {
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(address === undefined ? {} : { "cf-connecting-ip": address }),
      ...headers,
    },
    body: json === undefined ? body : JSON.stringify(json),
  });
  const text = await response.text();
  const answer = { status: response.status, headers: response.headers, text, what: `${method} ${path}` };
  if (response.headers.get("content-type") === "application/json" && text !== "") answer.body = JSON.parse(text);
  return answer;
}

/** Checks that the response is a success and returns its body. */
export function ok(answer) {
  assertConventions(answer);
  assert.equal(answer.status, 200, describeResponse(answer));
  return answer.body;
}

/** Checks that the response is this error and returns its body. */
export function refused(answer, status, code) {
  assertConventions(answer);
  assert.deepEqual([answer.status, answer.body.code], [status, code], describeResponse(answer));
  return answer.body;
}

/** Checks the API's conventions for all responses and errors. `body` is absent in a response to HEAD. */
export function assertConventions(answer) {
  const { status, headers, body } = answer;
  const about = describeResponse(answer);
  assert.equal(headers.get("cache-control"), "no-store", about);
  assert.equal(headers.get("x-content-type-options"), "nosniff", about);
  assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/, about);
  if (status === 200 || status === 202) return;
  assert.equal(headers.get("content-type"), "application/json", about);
  if (answer.what.startsWith("HEAD ")) {
    assert.equal(answer.text, "", about);
  } else {
    const members = status === 412 ? ["code", "current", "detail", "error"] : ["code", "detail", "error"];
    assert.deepEqual(Object.keys(body).sort(), members, about);
    assert.match(body.error, /^\S+ .*\.$/su, about);
    assert.match(body.code, /^[a-z]+(_[a-z]+)*$/, about);
    const next = { second_factor_required: ["methods", "token"], reauthentication_required: ["max_age", "methods"] };
    if (next[body.code]) {
      assert.deepEqual(Object.keys(body.detail).sort(), next[body.code], about);
    } else if (status !== 422) {
      assert.equal(body.detail, null, about);
    } else {
      assert.ok(body.detail.length > 0, about);
      for (const { loc, msg, type } of body.detail) {
        assert.ok(["body", "query"].includes(loc[0]), about);
        assert.ok(loc.length === 1 || body.error.includes(`${loc[1]} ${msg}`), about);
        assert.match(type, /^[a-z_]+$/, about);
      }
    }
  }
  if (status === 401) assert.match(headers.get("www-authenticate") ?? "", /^Bearer /, about);
  if (status === 405) assert.match(headers.get("allow") ?? "", /^[A-Z]+(, [A-Z]+)*$/, about);
  if (status === 429 || status === 503) assert.match(headers.get("retry-after") ?? "", /^[1-9][0-9]*$/, about);
}

function describeResponse({ what, status, text }) {
  return `${what} answered ${status}: ${text.slice(0, 500)}`;
}

export function login(postern, email, password = PASSWORD, options = {}) {
  return send(postern, "POST", "/api/auth/login", { json: { email, password }, ...options });
}

export function me(postern, token, options = {}) {
  return send(postern, "GET", "/api/auth/me", { token, ...options });
}

/** Adds a passkey to the account of the session. Returns the passkey and its authenticator. */
export async function addPasskey(postern, token, authenticator = new Authenticator({ origin: postern.url })) {
  const options = ok(await send(postern, "POST", "/api/auth/me/passkeys/options", { token }));
  const json = { token: options.token, credential: authenticator.create(options.publicKey) };
  return { ...ok(await send(postern, "POST", "/api/auth/me/passkeys", { token, json })), authenticator };
}

/** Returns the body of a sign-in with a passkey. */
export async function passkeySignIn(postern, authenticator) {
  const options = ok(await send(postern, "POST", "/api/auth/login/passkey/options"));
  return { token: options.token, credential: authenticator.get(options.publicKey) };
}

/** Returns a session token of the default admin. */
export async function adminToken(postern) {
  return ok(await login(postern, "admin", "admin")).token;
}

/** Creates a user token for the user of the session. */
export async function userToken(postern, token) {
  return ok(await send(postern, "POST", "/api/auth/me/create-token", { token })).token;
}

/** Signs up a user who is invited by the default admin. Returns `{token, user}`. */
export async function signUp(postern, email, password = PASSWORD) {
  const referrer = await userToken(postern, await adminToken(postern));
  return ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password } }));
}

/** Requests a code to sign in. Returns the body of the sign-in: the token and the code from the mail. */
export async function emailCode(postern, email) {
  const { token } = ok(await send(postern, "POST", "/api/auth/login/email", { json: { email } }));
  const { text } = await mail(postern, email, /sign-(in|up) code/);
  return { token, code: text.match(/\b\d{6}\b/)[0] };
}

/** Requests a code. Returns the OTP session token and the code from the mail. */
export async function sendOtp(postern, session) {
  const { token } = ok(await send(postern, "POST", "/api/auth/me/send-otp", { token: session.token }));
  const { text } = await mail(postern, session.user.email, /verification code/);
  return { token, code: text.match(/\b\d{6}\b/)[0] };
}

/** Skips the pause before a user can request another code. */
export function endOtpPause(postern, user) {
  return postern.sql("UPDATE one_time_passwords SET sent_at = sent_at - 30000 WHERE user_id = ?", user.id);
}

/** Asks to change the email. Returns the body that completes the change, and the token of the link that stops or undoes it. */
export async function askEmailChange(postern, session, email) {
  const { token, confirm } = ok(
    await send(postern, "POST", "/api/auth/me/email", { token: session.token, json: { email } }),
  );
  const notice = await mail(postern, session.user.email, /asked to change the email address/);
  const code = (await mail(postern, email, /^Confirm your new email address/)).text.match(/\b\d{6}\b/)[0];
  const oldCode = confirm.includes("old") ? { old_code: notice.text.match(/\b\d{6}\b/)[0] } : {};
  return { codes: { token, code, ...oldCode }, undoToken: notice.text.match(/#token=(\S+)/)[1] };
}

export function verifyOtp(postern, otp, token) {
  return send(postern, "POST", "/api/auth/verify-otp", { form: { otp, token } });
}

/** Requests a reset link. Returns the token in the mail's link. */
export async function resetToken(postern, email) {
  const before = (await mails(postern, email)).length;
  ok(await send(postern, "POST", "/api/auth/send-password-reset-link", { json: { email } }));
  const arrived = await until(async () => {
    const now = await mails(postern, email);
    return now.length > before && now;
  });
  return link(arrived.find(({ subject }) => subject.startsWith("Reset"))).searchParams.get("token");
}

export function resetPassword(postern, token, password) {
  return send(postern, "POST", "/api/auth/reset-password-with-token", { token, json: { password } });
}

/** Returns the mails to an address, newest first. */
export async function mails(postern, to) {
  const path = `/dev/outbox?to=${encodeURIComponent(to)}`;
  return ok(await send(postern, "GET", path, { headers: { accept: "application/json" } }));
}

/** Waits for a mail to an address with a matching subject. Returns the newest one. */
export function mail(postern, to, subject) {
  return until(async () => (await mails(postern, to)).find((mail) => subject.test(mail.subject)));
}

/** Returns the link with parameters in the text of a mail. */
export function link({ text }) {
  return new URL(text.match(/https?:\/\/\S+\?\S+/)[0]);
}

/** Polls until the result is truthy, for work that happens after a response. */
export async function until(ask) {
  const end = Date.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < end, `in 20 seconds this did not come true: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Logins to unknown accounts, which keep the isolate busy with password hashes. */
let guesses = 0;

/**
 * Sends `count` requests that are really concurrent: it first sends all but the last byte of each, then the last bytes while the
 * Worker hashes other passwords. Requests that are only sent together would be processed one after the other.
 *
 * @param {(number: number) => [method: string, path: string, options?: Options]} describe The requests. Supports the options `json`,
 *   `form` (sent urlencoded), `token` and `address` of `send`.
 */
export async function atOnce(postern, count, describe) {
  const requests = await Promise.all(Array.from({ length: count }, (_, number) => hold(postern, describe(number))));
  const busy = Array.from({ length: 5 }, () => {
    guesses += 1;
    const address = `2001:db8:${guesses.toString(16)}::1`;
    return login(postern, `nobody${guesses}@example.com`, "wrong password", { address });
  });
  await send(postern, "GET", "/nothing");
  for (const { release } of requests) release();
  for (const answer of await Promise.all(busy)) refused(answer, 401, "wrong_credentials");
  return await Promise.all(requests.map(({ answer }) => answer));
}

/**
 * Sends all but the last byte of a request.
 *
 * @param {any} postern
 * @param {[method: string, path: string, options?: Options]} request
 */
async function hold(postern, [method, path, { json, form, token, address } = {}]) {
  const body = json ? JSON.stringify(json) : form ? String(new URLSearchParams(form)) : "";
  const headers = ["Host: localhost", "Connection: close"];
  if (json) headers.push("Content-Type: application/json");
  if (form) headers.push("Content-Type: application/x-www-form-urlencoded");
  if (body) headers.push(`Content-Length: ${Buffer.byteLength(body)}`);
  if (token) headers.push(`Authorization: Bearer ${token}`);
  if (address) headers.push(`CF-Connecting-IP: ${address}`);
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n${body}`);
  const held = Promise.withResolvers();
  const answer = raw(postern, bytes.subarray(0, -1), held.resolve, `${method} ${path}`);
  // A response before the last byte is a failure, which the test gets with the response.
  const socket = await Promise.race([held.promise, answer.then(() => undefined)]);
  return { answer, release: () => socket?.write(bytes.subarray(-1)) };
}

/** Counts responses by kind: `{"200": 1, "409 email_taken": 49}`. */
export function tally(answers) {
  const tally = {};
  for (const answer of answers) {
    assertConventions(answer);
    const kind = answer.body?.code ? `${answer.status} ${answer.body.code}` : `${answer.status}`;
    tally[kind] = (tally[kind] ?? 0) + 1;
  }
  return tally;
}

/**
 * Sends raw bytes over a new connection and reads until the server closes it.
 *
 * @param {(socket: import("node:net").Socket) => void} [then] What to do after the bytes, such as sending more.
 */
export function raw(postern, bytes, then = () => {}, what = String(bytes).split("\r\n", 1)[0].slice(0, 200)) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(postern.url).port), host: "127.0.0.1", noDelay: true });
    const chunks = [];
    const limit = setTimeout(() => socket.destroy(new Error("no end of the answer in 20 seconds")), 20_000);
    socket.on("data", (chunk) => chunks.push(chunk));
    // A server that has responded may close the connection while we are still sending.
    socket.on("error", (/** @type {NodeJS.ErrnoException} */ error) =>
      chunks.length > 0 && error.code !== undefined ? undefined : reject(error),
    );
    socket.on("close", () => {
      clearTimeout(limit);
      resolve(parse(Buffer.concat(chunks).toString(), what));
    });
    socket.write(bytes, () => then(socket));
  });
}

function parse(text, what) {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine, ...lines] = text.slice(0, Math.max(end, 0)).split("\r\n");
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
  const answer = { status: Number(statusLine.split(" ")[1]), headers, text: text.slice(end + 4), what };
  if (headers.get("content-type") === "application/json") answer.body = JSON.parse(answer.text);
  return answer;
}
