// Mail through the provider `resend`: what is sent, when, and what happens if the provider is down. The harness's `outbound` or
// a local server plays the provider, so no request reaches the network.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { unstable_readConfig as readConfig } from "wrangler";
import {
  PASSWORD,
  adminToken,
  endOtpPause,
  link,
  me,
  ok,
  refused,
  resetPassword,
  send,
  signUp,
  until,
  verifyOtp,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const API_KEY = "re_a_key_that_is_no_key";
const settings = { MAIL_PROVIDER: "resend", MAIL_FROM: "Postern <noreply@app.example>", RESEND_API_KEY: API_KEY };
const secrets = [API_KEY];

/** All mails that reached the provider, in order. */
const received = [];
const taken = () => Response.json({ id: "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" });
/**
 * The response of the provider. Tests that change it restore it.
 *
 * @type {(mail: any) => Response | Promise<Response>}
 */
let provider = taken;

let postern;
before(async () => {
  postern = await startPostern({
    settings,
    async outbound(request) {
      const { url, method } = request;
      const { headers: mailHeaders, ...body } = await request.json();
      const mail = { url, method, headers: new Headers(request.headers), mailHeaders, ...body };
      received.push(mail);
      return await provider(mail);
    },
  });
});
after(() => postern?.stop());

async function whileProviderIs(behavior, work) {
  provider = behavior;
  try {
    return await work();
  } finally {
    provider = taken;
  }
}

function mailsTo(address) {
  return received.filter(({ to }) => to[0] === address);
}

/** Waits for the newest mail to an address. */
function mailTo(address) {
  return until(() => mailsTo(address).at(-1));
}

function codeIn({ text }) {
  return text.match(/\b\d{6}\b/)[0];
}

function sendOtp({ token }) {
  return send(postern, "POST", "/api/auth/me/send-otp", { token });
}

function askForReset(email, headers) {
  return send(postern, "POST", "/api/auth/send-password-reset-link", { json: { email }, headers });
}

async function queued() {
  return await postern.sql("SELECT * FROM mails");
}

test("a mail is sent as one POST to resend with the API key and its own idempotency key", async () => {
  const session = await signUp(postern, "first@example.com");
  const { token } = ok(await sendOtp(session));
  const [mail, ...others] = mailsTo("first@example.com");
  assert.equal(others.length, 0);
  assert.deepEqual([mail.method, mail.url], ["POST", "https://api.resend.com/emails"]);
  assert.equal(mail.headers.get("authorization"), `Bearer ${API_KEY}`);
  assert.equal(mail.headers.get("content-type"), "application/json");
  assert.match(mail.headers.get("user-agent"), /^postern\//);
  assert.equal(mail.from, "Postern <noreply@app.example>");
  assert.deepEqual(mail.mailHeaders, { "Auto-Submitted": "auto-generated" });
  assert.doesNotMatch(mail.subject, /\d{6}/);
  assert.ok(mail.html.includes(codeIn(mail)));
  ok(await verifyOtp(postern, codeIn(mail), token));

  const second = await signUp(postern, "second@example.com");
  ok(await sendOtp(second));
  const keys = [mail, mailsTo("second@example.com")[0]].map(({ headers }) => headers.get("idempotency-key"));
  for (const key of keys) assert.match(key, /^[\x21-\x7e]{1,256}$/);
  assert.notEqual(keys[0], keys[1]);
});

test("if a code cannot be mailed, the older one still works, and another can be requested", async () => {
  const session = await signUp(postern, "refused@example.com");
  const { token } = ok(await sendOtp(session));
  const code = codeIn(await mailTo("refused@example.com"));
  secrets.push(code);
  await endOtpPause(postern, session.user);
  const row = () => postern.sql("SELECT * FROM one_time_passwords WHERE user_id = ?", session.user.id);
  const before = await row();
  const problem = (status, name) => () =>
    Response.json({ statusCode: status, name, message: "refused@example.com" }, { status });
  for (const [outage, said] of /** @type {[typeof provider, RegExp][]} */ ([
    [problem(500, "internal_server_error"), /500 internal_server_error/],
    [problem(422, "validation_error"), /422 validation_error/],
    [problem(429, "rate_limit_exceeded"), /429 rate_limit_exceeded/],
    [() => new Response("<html>", { status: 502 }), /502 without an error/],
    // Following it would lead to a response that looks like a success.
    [
      ({ url }) => (url.includes("api.resend.com") ? Response.redirect("https://evil.example/", 307) : taken()),
      /307 without/,
    ],
  ])) {
    const answer = await whileProviderIs(outage, () => sendOtp(session));
    const { error } = refused(answer, 503, "unavailable");
    const id = answer.headers.get("x-request-id");
    assert.ok(error.includes(id), error);
    assert.doesNotMatch(answer.text, /resend|mail|example\.com/i);
    const line = postern.logs().at(-1);
    assert.ok(line.includes(id) && said.test(line), line);
    assert.deepEqual(await row(), before);
  }
  assert.equal(received.filter(({ url }) => !url.startsWith("https://api.resend.com/")).length, 0);
  ok(await verifyOtp(postern, code, token));
});

test("a new code invalidates the older one", async () => {
  const session = await signUp(postern, "newer@example.com");
  const older = { ...ok(await sendOtp(session)), code: codeIn(await mailTo("newer@example.com")) };
  refused(await sendOtp(session), 429, "too_many_requests");
  await endOtpPause(postern, session.user);
  const newer = { ...ok(await sendOtp(session)), code: codeIn(mailsTo("newer@example.com")[1]) };
  refused(await verifyOtp(postern, older.code, older.token), 403, "otp_token_refused");
  refused(await verifyOtp(postern, older.code, newer.token), 403, "wrong_otp");
  ok(await verifyOtp(postern, newer.code, newer.token));
});

// With a timeout, because a response that waits for the mail would never come.
test("the response does not wait for the mail", { timeout: 60_000 }, async (t) => {
  const { token, user } = await signUp(postern, "later@example.com");
  const held = Promise.withResolvers();
  const hold = async () => {
    await held.promise;
    return taken();
  };
  t.after(held.resolve);
  await whileProviderIs(hold, async () => {
    // The provider does not respond before all these responses have arrived.
    ok(await askForReset(user.email));
    await postern.sql("UPDATE users SET is_verified = 1 WHERE id = ?", user.id);
    ok(await send(postern, "POST", "/api/auth/me/send-invite", { token, json: { email: "invitee@example.com" } }));
    const json = { old_password: PASSWORD, new_password: "another good password" };
    ok(await send(postern, "PUT", "/api/auth/me/password", { token, json }));
    await until(() => mailsTo("invitee@example.com").length === 1 && mailsTo(user.email).length >= 1);
    assert.ok((await queued()).length >= 2, "mails that the provider has not accepted are queued");
    held.resolve();
    await until(async () => (await queued()).length === 0);
  });
  const subjects = mailsTo(user.email).map(({ subject }) => subject);
  assert.ok(subjects.includes("Your Postern password was changed"), subjects.join("\n"));
});

test("an email without an account gets the same response and no mail", async () => {
  const known = await signUp(postern, "known@example.com");
  const [unknownAnswer, knownAnswer] = [await askForReset("unknown@example.com"), await askForReset(known.user.email)];
  assert.deepEqual([ok(unknownAnswer), unknownAnswer.text], [true, knownAnswer.text]);
  const names = (answer) => [...answer.headers.keys()].sort();
  assert.deepEqual(names(unknownAnswer), names(knownAnswer));
  await mailTo(known.user.email);
  // Both jobs are done.
  await until(async () => (await queued()).length === 0);
  assert.equal(mailsTo("unknown@example.com").length, 0);
});

test("the link in a mail points to APP_URL, whatever the Host header is", async () => {
  const { user } = await signUp(postern, "host@example.com");
  const headers = { "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher", forwarded: "host=evil.example" };
  ok(await askForReset(user.email, headers));
  const mail = await mailTo(user.email);
  assert.ok(link(mail).href.startsWith(`${postern.url}/reset-password?token=`), link(mail).href);
  assert.ok(!`${mail.text}${mail.html}`.includes("evil.example"));
});

test("a mail that the provider rejects is queued and sent once when the provider is back", async () => {
  const { user } = await signUp(postern, "queued@example.com");
  const asked = await whileProviderIs(
    () => new Response("", { status: 500 }),
    async () => {
      const asked = await askForReset(user.email);
      ok(asked);
      await until(async () => (await queued()).some(({ attempts }) => attempts === 1));
      return asked;
    },
  );
  const line = postern.logs().find((line) => line.includes(asked.headers.get("x-request-id")));
  assert.match(line, /was not sent at attempt 1: resend refused it for now: 500/);
  const [row] = await queued();
  for (const clear of [user.email, user.id]) assert.ok(!JSON.stringify(row).includes(clear), JSON.stringify(row));

  await postern.scheduled(row.next_attempt_at - 1);
  assert.equal(mailsTo(user.email).length, 1);
  await postern.scheduled(row.next_attempt_at);
  const [first, second] = mailsTo(user.email);
  assert.equal(second.headers.get("idempotency-key"), first.headers.get("idempotency-key"));
  // With the same key, a provider accepts the same mail again and rejects a different one.
  const { headers: _first, ...firstMail } = first;
  const { headers: _second, ...secondMail } = second;
  assert.deepEqual(secondMail, firstMail);
  assert.deepEqual(await queued(), []);
  await postern.scheduled(row.next_attempt_at + 86_400_000);
  assert.equal(mailsTo(user.email).length, 2);
  ok(await resetPassword(postern, link(second).searchParams.get("token"), "another good password"));
});

test("a queued mail is dropped when its content has expired", async () => {
  const { user } = await signUp(postern, "expired@example.com");
  await whileProviderIs(
    () => new Response("", { status: 500 }),
    async () => {
      ok(await askForReset(user.email));
      await until(async () => (await queued()).some(({ attempts }) => attempts === 1));
    },
  );
  const [row] = await queued();
  await postern.scheduled(row.expires_at);
  assert.deepEqual(await queued(), []);
  assert.equal(mailsTo(user.email).length, 1);
});

test("the outbox does not exist when mail goes to a provider", async () => {
  for (const path of ["/dev/outbox", "/dev/outbox?to=first@example.com"]) {
    refused(await send(postern, "GET", path, { headers: { accept: "application/json" } }), 404, "not_found");
  }
  assert.deepEqual(await postern.sql("SELECT id FROM outbox"), []);
});

test("a provider that disconnects or never responds counts as down, and the Worker keeps running", async (t) => {
  const asked = [];
  let answer;
  const node = (_request, response) => {
    asked.push(response);
    answer(response);
  };
  const out = await startPostern({ settings, outbound: { node } });
  try {
    const session = await signUp(out, "ada@example.com");
    const sendOtp = () => send(out, "POST", "/api/auth/me/send-otp", { token: session.token });

    await t.test("the connection is cut", async () => {
      answer = (response) => response.destroy();
      refused(await sendOtp(), 503, "unavailable");
      assert.equal(asked.length, 1);
      assert.match(out.logs().at(-1), /resend did not respond: fetch: /);
    });

    await t.test("the answer breaks off", async () => {
      answer = (response) => response.writeHead(200, { "content-length": 100 }).write("{", () => response.destroy());
      refused(await sendOtp(), 503, "unavailable");
      assert.equal(asked.length, 2);
    });

    await t.test("the answer never comes", async () => {
      answer = () => {};
      // The Worker's own timeout of ten seconds.
      const given = sendOtp();
      await until(() => asked.length === 3);
      ok(await me(out, session.token));
      refused(await given, 503, "unavailable");
      assert.match(out.logs().at(-1), /no answer within 10 s/);
    });

    assert.deepEqual(await out.sql("SELECT * FROM one_time_passwords"), []);
    for (const line of out.lines()) assert.ok(!line.includes(API_KEY) && !line.includes("ada@example.com"), line);
  } finally {
    for (const response of asked) response.destroy();
    await out.stop();
  }
});

// Must be the last test, because it checks the log of all others.
test("no log line contains an address, a key, a code or a link", async () => {
  assert.ok(postern.logs().length > 0 && postern.events().length > 0);
  const hidden = [...secrets, await adminToken(postern), "/reset-password?token=", ...received.flatMap(({ to }) => to)];
  for (const line of postern.lines()) {
    assert.doesNotMatch(line, /\n/);
    for (const secret of hidden) assert.ok(!line.includes(secret), line);
  }
});

test("a deployed Worker runs every minute to send queued mail", () => {
  const { triggers } = readConfig(
    { config: fileURLToPath(new URL("../../wrangler.toml", import.meta.url)) },
    { hideWarnings: true },
  );
  assert.deepEqual(triggers.crons, ["* * * * *"]);
});
