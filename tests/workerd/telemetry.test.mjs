// The log of the built Worker.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { readable } from "../../scripts/lib/events.mjs";
import {
  PASSWORD,
  link,
  login,
  mail,
  me,
  mails,
  ok,
  resetPassword,
  resetToken,
  send,
  sendOtp,
  signUp,
  until,
  userToken,
  verifyOtp,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const USAGE = ["d1_round_trips", "d1_statements", "d1_rows_read", "d1_rows_written", "d1_ms", "kv_reads", "kv_writes"];

const storage = readFileSync(new URL("../../docs/storage.md", import.meta.url), "utf8");

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

/** The store operations, in the columns of the table in docs/storage.md. */
function asked({ d1_round_trips, d1_statements, kv_reads, kv_writes }) {
  return [d1_round_trips, d1_statements, kv_reads + kv_writes];
}

/** The table's entry for a call, before and after the response. */
function documented(call) {
  const row = storage.split("\n").find((line) => line.startsWith(`| ${call} |`));
  const [, , ...numbers] = row.split(/[|,]/).map(Number);
  return { before: numbers.slice(0, 3), after: numbers.slice(3, 6) };
}

/** Waits for the log event of a response. */
function eventOf(answer, kind = "request") {
  const id = answer.headers.get("x-request-id");
  return until(() => postern.events().find((event) => event.id === id && event.event === kind));
}

test("each request is logged as one JSON line with id, method, route, status, outcome, time and store operations", async () => {
  const { token } = await signUp(postern, "ada@example.com");
  for (const [
    method,
    path,
    options,
    route,
    status,
    outcome,
  ] of /** @type {[string, string, object, string, number, string][]} */ ([
    ["GET", "/api/auth/me", { token }, "/api/auth/me", 200, "success"],
    ["GET", "/api/auth/me", {}, "/api/auth/me", 401, "invalid_token"],
    ["DELETE", "/api/auth/me/tokens/abcdefghij", { token }, "/api/auth/me/tokens/{token}", 404, "not_found"],
    ["POST", "/api/auth/login", { json: { email: 1 } }, "/api/auth/login", 422, "invalid_fields"],
    ["POST", "/api/auth/me?token=a", {}, "/api/auth/me", 405, "method_not_allowed"],
    ["POST", "/ada@example.com", {}, "unknown", 404, "not_found"],
  ])) {
    const event = await eventOf(await send(postern, method, path, options));
    assert.deepEqual(Object.keys(event), [
      "event",
      "id",
      "method",
      "route",
      "status",
      "outcome",
      "duration_ms",
      ...USAGE,
    ]);
    const { event: kind, method: logged, ...rest } = event;
    assert.deepEqual(
      [kind, logged, rest.route, rest.status, rest.outcome],
      ["request", method, route, status, outcome],
    );
    for (const name of ["duration_ms", ...USAGE]) assert.ok(event[name] >= 0, `${name} is ${event[name]}`);
  }
});

test("row counts are those that D1 reports", async () => {
  const { token } = await signUp(postern, "rows@example.com");
  // A session check reads by key: the same few rows for any number of users.
  const check = await eventOf(await me(postern, token));
  assert.deepEqual([...asked(check), check.d1_rows_written], [...documented("GET /api/auth/me").before, 0]);
  assert.ok(check.d1_rows_read >= 1 && check.d1_rows_read < 10, JSON.stringify(check));
  const named = await eventOf(await send(postern, "PUT", "/api/auth/me/name", { token, json: { name: "Ada" } }));
  assert.deepEqual(asked(named), documented("PUT /api/auth/me/name").before);
  assert.ok(named.d1_rows_written >= 1, JSON.stringify(named));
  const refused = await eventOf(await me(postern, "no.token.atall"));
  assert.deepEqual(
    USAGE.map((name) => refused[name]),
    USAGE.map(() => 0),
  );
});

test("work after the response is logged under the same id, and nothing is counted twice", async () => {
  const session = await signUp(postern, "after@example.com");
  const answer = await send(postern, "POST", "/api/auth/send-password-reset-link", {
    json: { email: session.user.email },
  });
  const [request, afterAnswer] = [await eventOf(answer), await eventOf(answer, "after_answer")];
  assert.deepEqual(Object.keys(afterAnswer), ["event", "id", "method", "route", "duration_ms", ...USAGE]);
  const { before, after } = documented("POST /api/auth/send-password-reset-link");
  assert.deepEqual([asked(request), asked(afterAnswer)], [before, after]);
  assert.ok(after[0] > 0, "something follows this answer");
});

test("a run of the cron trigger is logged too", async () => {
  const runs = () => postern.events().filter(({ event }) => event === "cron");
  const before = runs().length;
  await postern.scheduled(Date.now());
  const run = await until(() => runs()[before]);
  assert.deepEqual(Object.keys(run), ["event", "id", "duration_ms", ...USAGE]);
  assert.ok(run.d1_statements > 0, JSON.stringify(run));
});

test("requests without a complete body and requests with wrong settings are logged too", async () => {
  await postern.restart({ settings: { AUTH_SECRET: undefined } });
  try {
    const event = await eventOf(await login(postern, "ada@example.com"));
    assert.deepEqual([event.route, event.status, event.outcome], ["/api/auth/login", 503, "unavailable"]);
  } finally {
    await postern.restart({ settings: { AUTH_SECRET: "another-secret-that-every-reader-of-the-tests-knows" } });
  }
});

test("with the binding, each request is a data point in Analytics Engine, by route and outcome", async () => {
  const bindings = "{ ANALYTICS: { writeDataPoint: (point) => console.error(JSON.stringify(point)) } }";
  const counted = await startPostern({ bindings });
  try {
    const { headers } = await login(counted, "ada@example.com");
    const event = await until(() => counted.events().find(({ id }) => id === headers.get("x-request-id")));
    const [point, ...others] = counted.logs().map((line) => JSON.parse(line));
    assert.deepEqual(others, []);
    assert.deepEqual(point, {
      indexes: ["/api/auth/login"],
      doubles: [
        "status",
        "duration_ms",
        "d1_statements",
        "d1_rows_read",
        "d1_rows_written",
        "d1_ms",
        "kv_reads",
        "kv_writes",
      ].map((name) => event[name]),
      blobs: ["/api/auth/login", "POST", "wrong_credentials"],
    });
  } finally {
    await counted.stop();
  }
});

test("the terminal shows an event as a readable line", () => {
  const problems = [{ setting: "APP_URL", kind: "missing", message: "APP_URL is missing: why" }];
  const settings = JSON.stringify({ event: "settings", problems });
  assert.match(readable(settings), /settings[^\n]*:\n {2}APP_URL is missing: why$/);
  const event = {
    event: "request",
    id: "1",
    method: "POST",
    route: "/api/auth/login",
    status: 401,
    outcome: "wrong_credentials",
  };
  const usage = {
    duration_ms: 41,
    d1_round_trips: 1,
    d1_statements: 3,
    d1_rows_read: 4,
    d1_rows_written: 2,
    d1_ms: 0.5,
    kv_reads: 0,
    kv_writes: 1,
  };
  const said = "D1: 3 statements, 4 rows read, 2 written; KV: 0 reads, 1 writes";
  assert.equal(
    readable(JSON.stringify({ ...event, ...usage })),
    `POST /api/auth/login 401 wrong_credentials (41 ms; ${said})`,
  );
  const afterAnswer = { event: "after_answer", id: "1", method: "PUT", route: "/api/auth/me/password", ...usage };
  assert.equal(
    readable(JSON.stringify(afterAnswer)),
    `  after the response to PUT /api/auth/me/password (41 ms; ${said})`,
  );
  for (const line of ["request 1: D1 is out", '{"a": 1}', "null"]) assert.equal(readable(line), line);
});

// Must be the last test, because it checks the log of all others.
test("no line contains an email, a name, a password, a token, a code, a header or an address", async () => {
  const secrets = [PASSWORD, "another good password", "Augusta Ada", "203.0.113.77", "a-tell-tale-agent"];
  const options = { address: "203.0.113.77", headers: { "user-agent": "a-tell-tale-agent" } };
  const session = await signUp(postern, "secret.ada@example.com");
  const note = (...values) => {
    secrets.push(...values);
    return values[0];
  };
  note(session.token, session.user.id, session.user.email);
  ok(
    await send(postern, "PUT", "/api/auth/me/name", {
      token: session.token,
      json: { name: "Augusta Ada" },
      ...options,
    }),
  );
  const invitation = note(await userToken(postern, session.token));
  ok(await send(postern, "GET", `/api/auth/verify-token?token=${invitation}`, options));
  ok(await send(postern, "DELETE", `/api/auth/me/tokens/${invitation}`, { token: session.token, ...options }));
  const { token, code } = await sendOtp(postern, session);
  note(token, code);
  ok(await verifyOtp(postern, code, token));
  ok(
    await send(postern, "POST", "/api/auth/me/send-invite", {
      token: session.token,
      json: { email: "secret.eve@example.com" },
    }),
  );
  note(
    "secret.eve@example.com",
    link(await mail(postern, "secret.eve@example.com", /invited/)).searchParams.get("referrer"),
  );
  const reset = note(await resetToken(postern, session.user.email));
  ok(await resetPassword(postern, reset, "another good password"));
  await send(postern, "GET", `/${session.user.email}`, options);
  await send(postern, "POST", "/api/auth/login", {
    json: { email: session.user.email, password: "wrong" },
    ...options,
  });
  ok(await login(postern, session.user.email, "another good password", options));
  for (const { subject } of await mails(postern, session.user.email)) note(subject);

  const lines = postern.lines().join("\n");
  assert.ok(postern.events().length > 20);
  for (const secret of secrets) {
    const isThere = /^\d{6}$/.test(secret) ? new RegExp(`\\b${secret}\\b`).test(lines) : lines.includes(secret);
    assert.ok(!isThere, `${secret} is in the log`);
  }
});
