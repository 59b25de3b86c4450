// Kills the runtime twenty times in the middle of mixed work and restarts it on the same state. Acknowledged work must be
// there, interrupted work must be complete or absent, and all users can continue.

import assert from "node:assert/strict";
import { watch } from "node:fs";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import {
  adminToken,
  link,
  login,
  mails,
  me,
  ok,
  refused,
  resetPassword,
  send,
  signUp,
  until,
  userToken,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const ROUNDS = 20;
const KINDS = ["sign-up", "login", "user token", "password change", "password reset", "reset link"];
// After this time, another run may take over a mail whose sending was started but not finished (store/mails.rs).
const LEASE = 600_000;

let postern;
before(async () => {
  postern = await startPostern({ rateLimit: 1_000_000 });
});
after(() => postern?.stop());

const acknowledged = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
const unanswered = Object.fromEntries(KINDS.map((kind) => [kind, { happened: 0, "did not": 0 }]));

// Takes a minute on two idle cores. The limit makes a hang an error.
test(`what was acknowledged outlives ${ROUNDS} crashes, and nothing is half-done`, {
  timeout: 900_000,
}, async (context) => {
  const world = await newWorld();
  for (let round = 0; round < ROUNDS; round += 1) {
    const work = await workUntilKilled(world, round);
    await filesAreSound();
    await postern.restart();
    await mailsLeave();
    await Promise.all([
      signUpsAreWhole(world, work),
      loginsAreThere(world, work),
      tokensAreThere(world, work),
      ...world.changers.map(changesAreWhole),
      resetsAreWhole(world.resetter),
    ]);
    await newsOfEveryChange(world);
    await databaseIsConsistent();
    // Skips the waits caused by wrong passwords and unanswered logins.
    await postern.sql("DELETE FROM throttles");
  }
  await everythingIsStillThere(world);
  context.diagnostic(`${ROUNDS} kills; acknowledged and found again: ${JSON.stringify(acknowledged)}`);
  context.diagnostic(`under way at a kill: ${JSON.stringify(unanswered)}`);
  for (const kind of KINDS) assert.ok(acknowledged[kind] > 0, `no ${kind} was acknowledged`);
  assert.ok(
    Object.values(unanswered).some((ends) => ends.happened + ends["did not"] > 0),
    "nothing was under way at a kill",
  );
});

/**
 * A user whose password changes. `maybe` is a new password whose change got no response, `former` the previous password, and
 * `changes` the number of changes.
 */
async function newAccount(email) {
  const password = `the first password of ${email}`;
  const { token, user } = await signUp(postern, email, password);
  return { email, id: user.id, session: token, password, former: undefined, maybe: undefined, changes: 0 };
}

async function newWorld() {
  const world = {
    referrer: await userToken(postern, await adminToken(postern)),
    visitor: await newAccount("visitor@example.com"),
    changers: [await newAccount("changer0@example.com"), await newAccount("changer1@example.com")],
    resetter: { ...(await newAccount("resetter@example.com")), known: new Set() },
    signedUp: [],
    tokens: [],
  };
  await haveLink(world.resetter);
  return world;
}

const KILLED = Symbol("the runtime was killed");

/** Runs all workers until enough work is acknowledged, then kills the runtime while the others wait for their responses. */
async function workUntilKilled(world, round) {
  const owner = world.signedUp.at(-1) ?? { ...world.visitor, token: world.visitor.session };
  const work = {
    round,
    owner,
    signUps: [],
    tokens: [],
    sessions: [],
    tokensBefore: await count("user_tokens", owner.id),
    sessionsBefore: await count("sessions", world.visitor.id),
  };
  for (const account of [...world.changers, world.resetter]) account.hasChangedNow = false;
  for (const account of world.changers) account.other = ok(await login(postern, account.email, account.password)).token;

  // In turn, each kind of work must have been completed and, in later rounds, started, so that each is interrupted too.
  const awaited = KINDS[round % KINDS.length];
  const asked = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  const answered = { ...asked };
  const isEnough = () => {
    const total = Object.values(answered).reduce((sum, count) => sum + count);
    return (round < KINDS.length ? answered : asked)[awaited] > 0 && total > 3 * ((round >> 1) % 4);
  };
  let isKilled = false;
  let kill;
  const enough = new Promise((resolve) => (kill = resolve));
  const write = await nextWriteToD1();

  /** Counts a response and returns its body. A failure after the kill ends the worker. */
  const act = async (kind, request) => {
    asked[kind] += 1;
    if (isEnough()) kill();
    const body = await request().then(ok, (error) => {
      throw isKilled ? KILLED : error;
    });
    answered[kind] += 1;
    acknowledged[kind] += 1;
    if (isEnough()) kill();
    return body;
  };

  const workers = [
    ...[0, 1].map(async (worker) => {
      for (let number = 0; ; number += 1) {
        const email = `r${round}w${worker}n${number}@example.com`;
        const person = { email, password: `the password of ${email}` };
        work.signUps.push(person);
        const json = { ...person, referrer: world.referrer };
        const { token, user } = await act("sign-up", () => send(postern, "POST", "/api/auth/signup", { json }));
        Object.assign(person, { token, id: user.id });
      }
    }),
    ...[0, 1, 2].map(async () => {
      for (;;) {
        const make = () => send(postern, "POST", "/api/auth/me/create-token", { token: owner.token });
        work.tokens.push((await act("user token", make)).token);
      }
    }),
    (async () => {
      const { email, password } = world.visitor;
      for (;;) work.sessions.push((await act("login", () => login(postern, email, password))).token);
    })(),
    ...world.changers.map(async (account) => {
      for (let number = 0; ; number += 1) {
        account.maybe = `password ${number} of round ${round}`;
        const json = { old_password: account.password, new_password: account.maybe };
        const change = () => send(postern, "PUT", "/api/auth/me/password", { token: account.session, json });
        await act("password change", change);
        hasChanged(account);
      }
    }),
    (async () => {
      const account = world.resetter;
      // Every other time with the previous link, so that resets and link requests are interrupted alternately.
      for (let number = 0; ; number += 1) {
        if (number > 0 || round % 2 === 0) {
          account.link = "asked for";
          await act("reset link", () => askForLink(account));
          account.link = "queued";
          account.token = await newLink(account).catch((error) => {
            throw isKilled ? KILLED : error;
          });
          account.link = "had";
        }
        account.maybe = `password ${number} of round ${round}`;
        await act("password reset", () => resetPassword(postern, account.token, account.maybe));
        hasChanged(account);
      }
    })(),
  ];
  const ends = Promise.allSettled(workers);
  // A worker that ends earlier has failed.
  await Promise.race([enough, Promise.all(workers)]);
  // Each round kills at a different write of D1. At a random moment, all workers would be waiting for a password hash, which
  // takes much longer.
  for (let number = (round * 7) % 12; number > 0; number -= 1) await Promise.race([write.next(), Promise.all(workers)]);
  isKilled = true;
  await postern.kill();
  write.stop();
  for (const end of await ends) {
    assert.equal(end.status, "rejected");
    if (end.reason !== KILLED) throw end.reason;
  }
  return work;
}

/** Watches SQLite's write-ahead log, to which D1 writes each transaction. */
async function nextWriteToD1() {
  const files = await readdir(postern.state, { recursive: true });
  const database = files.find((name) => /d1\b.*[0-9a-f]{64}\.sqlite$/.test(name));
  let wake = () => {};
  const watcher = watch(join(postern.state, dirname(database)), (_, name) => name.endsWith("-wal") && wake());
  return { next: () => new Promise((resolve) => (wake = () => resolve(undefined))), stop: () => watcher.close() };
}

function hasChanged(account) {
  account.former = account.password;
  account.password = account.maybe;
  account.maybe = undefined;
  account.changes += 1;
  account.hasChangedNow = true;
}

function askForLink({ email }) {
  return send(postern, "POST", "/api/auth/send-password-reset-link", { json: { email } });
}

/** Returns the tokens of new reset links in the mailbox. */
async function newLinks({ email, known }) {
  const resets = (await mails(postern, email)).filter(({ subject }) => subject.startsWith("Reset"));
  const tokens = resets.map((mail) => link(mail).searchParams.get("token")).filter((token) => !known.has(token));
  for (const token of tokens) known.add(token);
  return tokens;
}

function newLink(account) {
  return until(async () => (await newLinks(account))[0]);
}

async function haveLink(account) {
  ok(await askForLink(account));
  account.token = await newLink(account);
  account.link = "had";
}

async function count(table, userId) {
  const [{ count }] = await postern.sql(`SELECT count(*) AS count FROM ${table} WHERE user_id = ?`, userId);
  return count;
}

/** Checks copies of the files as the kill left them, before the restart. */
async function filesAreSound() {
  const copy = await mkdtemp(join(tmpdir(), "postern-crash-"));
  try {
    await cp(postern.state, copy, { recursive: true });
    const files = (await readdir(copy, { recursive: true })).filter((name) => name.endsWith(".sqlite"));
    assert.ok(files.length >= 2, `the files of D1 and KV are not among ${files}`);
    for (const file of files) {
      const database = new DatabaseSync(join(copy, file));
      assert.deepEqual(database.prepare("PRAGMA integrity_check").all().map(Object.values), [["ok"]], file);
      assert.deepEqual(database.prepare("PRAGMA foreign_key_check").all(), [], file);
      database.close();
    }
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Lets the cron trigger send the queued mail. One run sends up to ten. */
async function mailsLeave() {
  const queued = async () => (await postern.sql("SELECT count(*) AS count FROM mails"))[0].count;
  for (let run = 0; run < 10 && (await queued()) > 0; run += 1) await postern.scheduled(Date.now() + LEASE);
  assert.equal(await queued(), 0);
}

async function signUpsAreWhole(world, { round, signUps }) {
  const rows = await postern.sql(
    `SELECT email, users.id, referrer_id, count(sessions.id) AS sessions
     FROM users LEFT JOIN sessions ON sessions.user_id = users.id WHERE email LIKE ? GROUP BY users.id`,
    `r${round}w%`,
  );
  const check = async (person) => {
    const row = rows.find(({ email }) => email === person.email);
    if (!person.token) unanswered["sign-up"][row ? "happened" : "did not"] += 1;
    if (!row) return assert.equal(person.token, undefined, `the sign-up of ${person.email} is lost`);
    assert.equal(row.sessions, 1, `${person.email} has an account without the session that belongs to it`);
    assert.ok(row.referrer_id);
    const { token, user } = ok(await login(postern, person.email, person.password));
    assert.equal(user.id, person.id ?? row.id);
    assert.equal(ok(await me(postern, person.token ?? token)).email, person.email);
    world.signedUp.push({ ...person, id: user.id, token: person.token ?? token });
  };
  await Promise.all(signUps.map(check));
}

async function loginsAreThere(world, { sessions, sessionsBefore }) {
  for (const token of sessions) assert.equal(ok(await me(postern, token)).id, world.visitor.id);
  const rest = (await count("sessions", world.visitor.id)) - sessionsBefore - sessions.length;
  assert.ok(rest === 0 || rest === 1, `${rest} sessions without an acknowledgment, with one login at a time`);
  unanswered.login[rest === 1 ? "happened" : "did not"] += 1;
}

async function tokensAreThere(world, { owner, tokens, tokensBefore }) {
  const listed = ok(await send(postern, "GET", "/api/auth/me/tokens", { token: owner.token }));
  for (const token of tokens) {
    assert.ok(
      listed.some((row) => row.token === token),
      "an acknowledged user token is lost",
    );
    assert.equal(ok(await send(postern, "GET", `/api/auth/verify-token?token=${token}`)), true);
  }
  const rows = await count("user_tokens", owner.id);
  const rest = rows - tokensBefore - tokens.length;
  assert.ok(rest >= 0 && rest <= 3, `${rest} tokens without an acknowledgment, with three requests at a time`);
  unanswered["user token"].happened += rest;
  unanswered["user token"]["did not"] += 3 - rest;
  // Rows that cannot be decrypted are not listed, so each listed row is intact.
  assert.equal(listed.length, rows);
  world.tokens.push(...tokens);
}

/** Finds the current password, which must be the last acknowledged one or the one in progress. */
async function passwordIsOldOrNew(account, kind) {
  const { email, password, maybe, former } = account;
  const candidates = [password, maybe, former].filter((candidate) => candidate !== undefined);
  const answers = await Promise.all(candidates.map((candidate) => login(postern, email, candidate)));
  const opening = candidates.filter((_, at) => answers[at].status === 200);
  for (const answer of answers) if (answer.status !== 200) refused(answer, 401, "wrong_credentials");
  assert.equal(opening.length, 1, `${opening.length} passwords of ${email} are in force`);
  assert.notEqual(opening[0], former, `an acknowledged ${kind} is lost`);
  if (maybe !== undefined) unanswered[kind][opening[0] === maybe ? "happened" : "did not"] += 1;
  if (opening[0] === maybe) hasChanged(account);
  account.maybe = undefined;
  return answers[candidates.indexOf(opening[0])].body;
}

async function changesAreWhole(account) {
  await passwordIsOldOrNew(account, "password change");
  ok(await me(postern, account.session));
  const other = await me(postern, account.other);
  if (account.hasChangedNow) refused(other, 401, "invalid_token");
  else ok(other);
}

async function resetsAreWhole(account) {
  const before = account.changes;
  const { token: session, user } = await passwordIsOldOrNew(account, "password reset");
  assert.equal(user.is_verified, account.changes > 0);
  if (account.hasChangedNow) refused(await me(postern, account.session), 401, "invalid_token");
  else ok(await me(postern, account.session));
  account.session = session;

  const arrived = await newLinks(account);
  if (account.link === "asked for") unanswered["reset link"][arrived.length > 0 ? "happened" : "did not"] += 1;
  if (account.link === "queued") assert.equal(arrived.length, 1, "an acknowledged reset link was not mailed");
  if (account.link === "had") {
    const isUsedUp = account.changes > before;
    const answer = await me(postern, account.token);
    if (isUsedUp) refused(answer, 401, "invalid_token");
    else ok(answer);
    if (isUsedUp) await haveLink(account);
  } else if (arrived.length > 0) {
    [account.token] = arrived;
    account.link = "had";
    assert.equal(ok(await me(postern, account.token)).id, account.id);
  } else {
    await haveLink(account);
  }
}

/** Of several changes within ten minutes, the first causes an immediate notice, and the others one more. */
async function newsOfEveryChange({ changers, resetter }) {
  for (const account of [...changers, resetter]) {
    const { email, changes, previous = { news: 0, changes: 0 } } = account;
    const sql = "SELECT id FROM outbox WHERE recipient = ? AND subject LIKE '%was changed'";
    const news = (await postern.sql(sql, email)).length;
    const about = `${news - previous.news} mails to ${email} about ${changes - previous.changes} changed passwords`;
    const expected = Math.min(changes - previous.changes, 2);
    assert.equal(news - previous.news, expected, about);
    account.previous = { news, changes };
  }
}

async function databaseIsConsistent() {
  assert.deepEqual(await postern.sql("PRAGMA quick_check"), [{ quick_check: "ok" }]);
  assert.deepEqual(await postern.sql("PRAGMA foreign_key_check"), []);
  for (const table of ["sessions", "user_tokens", "one_time_passwords"]) {
    assert.deepEqual(
      await postern.sql(`SELECT user_id FROM ${table} WHERE user_id NOT IN (SELECT id FROM users)`),
      [],
      table,
    );
  }
  // All accounts except the first were invited and created by a sign-up.
  assert.deepEqual(await postern.sql("SELECT email FROM users WHERE referrer_id IS NULL"), [{ email: "admin" }]);
}

/** Checks that later crashes did not lose what had survived earlier ones. */
async function everythingIsStillThere({ signedUp, tokens }) {
  for (const { id, token } of signedUp) assert.equal(ok(await me(postern, token)).id, id);
  for (const token of tokens)
    assert.equal(ok(await send(postern, "GET", `/api/auth/verify-token?token=${token}`)), true);
}
