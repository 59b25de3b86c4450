// What the tests say to a Postern and expect of it: requests as clients send them, the conventions of the contract,
// the mails of the outbox, raw bytes, and many requests at once.

import assert from "node:assert/strict";
import { connect } from "node:net";

export const PASSWORD = "correct horse battery";

/**
 * Sends one request and reads the answer whole.
 *
 * @param {object} [options]
 * @param {unknown} [options.json] Sent as a JSON body.
 * @param {Record<string, string>} [options.form] Sent as multipart/form-data.
 * @param {string} [options.token] The bearer.
 * @param {string} [options.address] Where the request comes from, as Cloudflare would tell it.
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

/** The body of an answer that must be a success. */
export function ok(answer) {
  assertConventions(answer);
  assert.equal(answer.status, 200, told(answer));
  return answer.body;
}

/** The body of an answer that must be this refusal. */
export function refused(answer, status, code) {
  assertConventions(answer);
  assert.deepEqual([answer.status, answer.body.code], [status, code], told(answer));
  return answer.body;
}

/** What the contract says of every answer, and of every refusal. `body` is absent in an answer to HEAD. */
export function assertConventions(answer) {
  const { status, headers, body } = answer;
  const about = told(answer);
  assert.equal(headers.get("cache-control"), "no-store", about);
  assert.equal(headers.get("x-content-type-options"), "nosniff", about);
  assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/, about);
  if (status === 200) return;
  assert.equal(headers.get("content-type"), "application/json", about);
  if (answer.what.startsWith("HEAD ")) {
    assert.equal(answer.text, "", about);
  } else {
    const members = status === 412 ? ["code", "current", "detail", "error"] : ["code", "detail", "error"];
    assert.deepEqual(Object.keys(body).sort(), members, about);
    assert.match(body.error, /^\S+ .*\.$/su, about);
    assert.match(body.code, /^[a-z]+(_[a-z]+)*$/, about);
    if (status !== 422) {
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

function told({ what, status, text }) {
  return `${what} answered ${status}: ${text.slice(0, 500)}`;
}

export function login(postern, email, password = PASSWORD, options = {}) {
  return send(postern, "POST", "/api/auth/login", { json: { email, password }, ...options });
}

export function me(postern, token, options = {}) {
  return send(postern, "GET", "/api/auth/me", { token, ...options });
}

/** A session token of the default admin. */
export async function adminToken(postern) {
  return ok(await login(postern, "admin", "admin")).token;
}

/** A new user token of whoever's session this is. */
export async function userToken(postern, token) {
  return ok(await send(postern, "POST", "/api/auth/me/create-token", { token })).token;
}

/** Signs somebody up, invited by the default admin. Returns `{token, user}`. */
export async function signUp(postern, email, password = PASSWORD) {
  const referrer = await userToken(postern, await adminToken(postern));
  return ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password } }));
}

/** Asks for a code. Returns the OTP session token and the code from the mail. */
export async function sendOtp(postern, session) {
  const { token } = ok(await send(postern, "POST", "/api/auth/me/send-otp", { token: session.token }));
  const { text } = await mail(postern, session.user.email, /verification code/);
  return { token, code: text.match(/\b\d{6}\b/)[0] };
}

/** Lets a user who just had a code sent have another one, as if the pause between two were over. */
export function endOtpPause(postern, user) {
  return postern.sql("UPDATE one_time_passwords SET sent_at = sent_at - 30000 WHERE user_id = ?", user.id);
}

export function verifyOtp(postern, otp, token) {
  return send(postern, "POST", "/api/auth/verify-otp", { form: { otp, token } });
}

/** Asks for a reset link. Returns the token in the link of the mail. */
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

/** The mails to an address, newest first. */
export async function mails(postern, to) {
  const path = `/dev/outbox?to=${encodeURIComponent(to)}`;
  return ok(await send(postern, "GET", path, { headers: { accept: "application/json" } }));
}

/** The newest mail to an address whose subject matches, as soon as it is there. */
export function mail(postern, to, subject) {
  return until(async () => (await mails(postern, to)).find((mail) => subject.test(mail.subject)));
}

/** The link in the text of a mail that carries parameters. */
export function link({ text }) {
  return new URL(text.match(/https?:\/\/\S+\?\S+/)[0]);
}

/** Asks again and again until the answer is truthy, for what happens after an answer. */
export async function until(ask) {
  const end = Date.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < end, `in 20 seconds this did not come true: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Guesses at accounts that are not there, to keep the isolate busy: each costs a password hash. */
let guesses = 0;

/**
 * Sends `count` requests so that they are truly at once: all but the last byte of each is with the Worker already, and it
 * hashes other passwords while the last bytes come. Requests that are merely sent together are done one after the other.
 *
 * @param {(number: number) => [method: string, path: string, options?: object]} describe What to send; of the options of
 *   `send` it knows `json`, `form` (sent urlencoded), `token` and `address`.
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

/** Sends all but the last byte of a request. */
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
  // An answer before the last byte is a failure that the test is told with the answer.
  const socket = await Promise.race([held.promise, answer.then(() => undefined)]);
  return { answer, release: () => socket?.write(bytes.subarray(-1)) };
}

/** How many answers there are of each kind: `{"200": 1, "409 email_taken": 49}`. */
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
 * Sends bytes as they are over a connection of their own, and reads until the server closes it.
 *
 * @param {(socket: import("node:net").Socket) => void} [then] What to do after the bytes, such as sending more.
 */
export function raw(postern, bytes, then = () => {}, what = String(bytes).split("\r\n", 1)[0].slice(0, 200)) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(postern.url).port), host: "127.0.0.1", noDelay: true });
    const chunks = [];
    const limit = setTimeout(() => socket.destroy(new Error("no end of the answer in 20 seconds")), 20_000);
    socket.on("data", (chunk) => chunks.push(chunk));
    // A server that has answered may close while we still send.
    socket.on("error", (error) => (chunks.length > 0 && error.code !== undefined ? undefined : reject(error)));
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
