// Imports and exports users. Existing users are left unchanged, so an import can safely be repeated.

import { setImmediate } from "node:timers/promises";
import { check, masked, maxName } from "./check.mjs";
import { knownDefaults } from "./defaults.mjs";
import { columns, toUser } from "./origin.mjs";
import { loadRules } from "./rules.mjs";
import {
  exportedCredentials,
  insertCredentials,
  selectedCredentials,
  usedCredentials,
  ownCredentials,
  tableOf,
} from "./credentials.mjs";

/** Maximum users and characters per statement: a parameter of D1 has at most 2 MB. */
const batchLength = 1000;
const batchSize = 500_000;
/** Users read per statement. */
/** @typedef {{ place: string, record?: Record<string, any>, problem?: string }} Row */

const pageLength = 1000;

const flags = ["is_active", "is_verified", "must_change_password", "second_factor"];

/**
 * Imports users in two passes over the same records: first all users without referrers, because a referrer may come later in
 * the file, then the referrers.
 *
 * @param {{query: Function, batch: Function}} database
 * @param {() => AsyncIterable<Row> | Iterable<Row>} read Reads the records from the start.
 * @param {object} [options]
 * @param {object} [options.hashConfig] The hash parameters of a Firebase project.
 * @param {string} [options.serviceName] The name of the service, which counts as a known default password.
 * @param {string[]} [options.secrets] AUTH_SECRET and AUTH_SECRET_PREVIOUS of the service, if they are known. Second factors that are
 *   encrypted with another secret are then refused.
 * @param {Record<string, string>} [options.roles] Roles of the source, in lower case, and the roles to import them as.
 * @param {boolean} [options.shortenNames] Cuts names to the permitted length and replaces control characters with spaces.
 * @param {boolean} [options.dryRun] Checks the records without writing anything.
 * @param {(place: string, problem: string, record?: object) => void} [options.onInvalid] Called for every record and every referrer
 *   that is not imported.
 * @param {(place: string, note: string) => void} [options.onNote] Called for imported users who need attention: they have no password
 *   or a known default one, or their ban ends at some time.
 * @param {(read: number) => void} [options.onProgress] Called after every batch.
 * @returns Counts. Each record counts once, as `imported`, `present` or `invalid`. `referrers` counts the referrers that were
 *   set. `withSecondFactor` counts users with an authenticator app or a passkey, `lostSecondFactor` those who had one elsewhere that
 *   cannot be moved, and `silent` those of whom the file does not say it. `kept` and `left` count values by column: kept in `extra`,
 *   or not imported.
 */
export async function importUsers(database, read, options = {}) {
  const { onInvalid = () => {}, onNote = () => {}, onProgress = () => {}, dryRun = false } = options;
  const rules = await loadRules();
  const count = {
    imported: 0,
    present: 0,
    invalid: 0,
    referrers: 0,
    missingReferrers: 0,
    cyclicReferrers: 0,
    withoutPassword: 0,
    knownDefaults: 0,
    withSecondFactor: 0,
    lostSecondFactor: 0,
    silent: 0,
    kept: {},
    left: {},
  };
  const report = (place, problem, record) => {
    count.invalid += 1;
    onInvalid(place, problem, record);
  };

  const isKnownDefault = knownDefaults(rules, options.serviceName);
  const keyIds = options.secrets && new Set(options.secrets.map((secret) => rules.second_factor_key_id(secret)));
  let seen;
  let namesReferrers = false;
  for await (const batch of batches(checked(read, rules, keyIds, options, report))) {
    // What was imported is found in the database. A dry run has to remember it.
    if (!dryRun || !seen) seen = { ids: new Set(), emails: new Set(), credentials: new Set() };
    const news = await unknown(database, batch);
    const used = await usedCredentials(
      database,
      batch.map(({ user }) => user),
    );
    const { fresh, sharing } = withoutTwins(batch, news, seen, used);
    for (const one of sharing)
      report(
        withId(one.place, one.user.id),
        `${masked(one.user.email)}: one of its ${one.shared} belongs to another account, or is there twice: remove it from ${one.shared}`,
        one.record,
      );
    for (const one of fresh) {
      const problem = isKnownDefault(one.user, one.hasPassword);
      if (!problem) continue;
      one.user.must_change_password = 1;
      one.isKnownDefault = true;
      one.notes.push(problem);
    }
    // Testing passwords takes seconds, in which nothing else runs. If the database has closed an idle connection, Node only sees that in
    // the next round of its event loop, and until then uses that connection for the next query.
    for (let round = 0; round < 2; round += 1) await setImmediate();
    const ids = dryRun ? new Set(fresh.map(({ user }) => user.id)) : await insert(database, fresh);
    const taken = await takenEmails(
      database,
      batch.filter((one) => !ids.has(one.user.id) && !seen.ids.has(one.user.id) && !sharing.includes(one)),
    );
    count.imported += ids.size;
    count.present += batch.length - ids.size - taken.length - sharing.length;
    for (const one of fresh) {
      if (!ids.has(one.user.id)) continue;
      if (one.user.totp.length + one.user.passkeys.length > 0) count.withSecondFactor += 1;
      if (one.lost.length > 0) count.lostSecondFactor += 1;
      if (one.isSilent) count.silent += 1;
      if (!one.hasPassword && one.user.passkeys.length + one.user.identities.length === 0) {
        count.withoutPassword += 1;
        one.notes.push('has no password; the user can set one with "Forgot your password?"');
      }
      if (one.isKnownDefault) count.knownDefaults += 1;
      for (const column of one.kept) count.kept[column] = (count.kept[column] ?? 0) + 1;
      for (const column of one.left) count.left[column] = (count.left[column] ?? 0) + 1;
      for (const note of one.notes) onNote(withId(one.place, one.user.id), `${masked(one.user.email)}: ${note}`);
    }
    for (const { one, owner, isReserved } of taken) {
      const twin = owner === undefined ? "another account" : `the account with the id ${owner}`;
      const problem = isReserved
        ? `its email is reserved for ${twin}, which can still undo the change of its address: import the user again after 7 days, or change the address`
        : `its email belongs to ${twin} (case is ignored): keep one of the two, or change one of the addresses`;
      report(withId(one.place, one.user.id), `${masked(one.user.email)}: ${problem}`, one.record);
    }
    namesReferrers ||= batch.some(({ user }) => user.referrer_id !== null);
    onProgress(count.imported + count.present + count.invalid);
  }

  if (namesReferrers && !dryRun) {
    for await (const batch of batches(invited(read, rules, keyIds, options))) {
      const { set, missing, cyclic } = await setReferrers(database, batch);
      count.referrers += set;
      count.missingReferrers += missing.length;
      for (const { place, user } of cyclic) {
        count.cyclicReferrers += 1;
        onInvalid(place, `${masked(user.email)}: its referrers form a cycle, so its referrer was not set`);
      }
      for (const { place, user } of missing)
        onInvalid(place, `${masked(user.email)}: its referrer was not found and not set`);
    }
  }
  return count;
}

function adapted(raw, { roles = {}, shortenNames = false }) {
  const user = { ...raw };
  const role = String(raw.role ?? "").toLowerCase();
  if (Object.hasOwn(roles, role)) user.role = roles[role];
  if (shortenNames && typeof raw.name === "string") {
    user.name = [...raw.name.trim().replace(/\p{Cc}+/gu, " ")].slice(0, maxName).join("").trim();
  }
  return user;
}

/** Returns the place of a record with its id, if that looks like an id: in a shifted row, it could be a hash. */
function withId(place, id) {
  return /^[^$\p{Cc}]{1,64}$/u.test(String(id ?? "")) ? `${place} (id ${id})` : place;
}

/** Yields the valid records. */
async function* checked(read, rules, keyIds, options, report) {
  const { hashConfig } = options;
  for await (const { place, record, problem: unreadable } of read()) {
    if (unreadable) {
      report(place, unreadable);
      continue;
    }
    const raw = adapted(toUser(record, hashConfig), options);
    const { user, problems, hasId, hasPassword } = check(raw, rules, keyIds);
    const { notes, kept, left, lost, isSilent } = raw;
    if (problems.length > 0) report(withId(place, raw.id), `${masked(raw.email)}: ${problems.join("; ")}`, record);
    else yield { place, user, hasId, hasPassword, record, notes: [...notes], kept, left, lost, isSilent };
  }
}

async function* invited(read, rules, keyIds, options) {
  for await (const one of checked(read, rules, keyIds, options, () => {})) {
    if (one.user.referrer_id !== null) yield one;
  }
}

async function* batches(users) {
  let batch = [];
  let size = 0;
  for await (const one of users) {
    const length = JSON.stringify(one.user).length;
    if (batch.length === batchLength || size + length > batchSize) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(one);
    size += length;
  }
  if (batch.length > 0) yield batch;
}

/** Returns the ids of the users of a batch whose id and email are not in the database, and whose email is not reserved. */
async function unknown(database, batch) {
  const rows = await database.query(
    `SELECT value ->> 'id' AS id FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = value ->> 'id')
     AND NOT EXISTS (SELECT 1 FROM users WHERE users.email = value ->> 'email')
     AND NOT EXISTS (SELECT 1 FROM undoable_email_changes WHERE old_email = value ->> 'email' AND user_id <> value ->> 'id')`,
    json(batch),
  );
  return new Set(rows.map(({ id }) => id));
}

/**
 * Returns the new users, except those whose id or email occurred earlier in the file (`fresh`), and those who have a passkey or
 * an identity of another user (`sharing`, with the table as `shared`).
 */
function withoutTwins(batch, news, seen, used) {
  const fresh = [];
  const sharing = [];
  for (const one of batch) {
    const { id, email } = one.user;
    if (!news.has(id) || seen.ids.has(id) || seen.emails.has(email)) continue;
    const own = ownCredentials(one.user);
    const shared = own.find((key, at) => used.has(key) || seen.credentials.has(key) || own.indexOf(key) < at);
    if (shared) {
      one.shared = tableOf(shared);
      sharing.push(one);
      continue;
    }
    seen.ids.add(id);
    seen.emails.add(email);
    for (const key of own) seen.credentials.add(key);
    fresh.push(one);
  }
  return { fresh, sharing };
}

/**
 * Inserts users, their credentials, their freezes and an audit event for each, in one transaction: an interrupted import leaves no
 * user without the second factor. Returns the ids of the new users.
 */
async function insert(database, fresh) {
  if (fresh.length === 0) return new Set();
  const values = columns.map((column) => (column === "referrer_id" ? "NULL" : `value ->> '${column}'`));
  const news = json(fresh);
  const [inserted] = await database.batch([
    [
      `INSERT INTO users (${columns.join(", ")}) SELECT ${values.join(", ")} FROM json_each(?1) WHERE true
       ON CONFLICT DO NOTHING RETURNING id`,
      news,
    ],
    ...insertCredentials(fresh.map(({ user }) => user)),
    [
      `INSERT INTO events (at, action, result, actor_id, subject_id, address, new_value)
       SELECT max(?2, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), ?2)), 'user_imported', 'success', 'operator',
         value ->> 'id', 'terminal', json_object('role', value ->> 'role', 'tier', value ->> 'tier')
       FROM json_each(?1)
       WHERE EXISTS (SELECT 1 FROM users WHERE id = value ->> 'id' AND email = value ->> 'email')`,
      news,
      Date.now(),
    ],
    // If the root of a freeze is not in the file, the users that it deactivated identify it.
    [
      `INSERT INTO freezes (user_id, frozen_at)
       SELECT root, coalesce(max(since), max(frozen_at)) FROM (
         SELECT value ->> 'id' AS root, value ->> 'freeze_since' AS since, NULL AS frozen_at FROM json_each(?1)
           WHERE value ->> 'freeze_since' IS NOT NULL
         UNION ALL
         SELECT value ->> 'frozen_by', NULL, value ->> 'frozen_at' FROM json_each(?1) WHERE value ->> 'frozen_by' IS NOT NULL)
       WHERE true GROUP BY root
       ON CONFLICT DO UPDATE SET frozen_at = max(frozen_at, excluded.frozen_at)`,
      news,
    ],
  ]);
  return new Set(inserted.map(({ id }) => id));
}

/**
 * Returns the users whose email belongs to an account with another id, or is reserved for one that can undo the change of its email.
 * `owner` is that id; a dry run does not know it if the account is also in the file.
 */
async function takenEmails(database, others) {
  if (others.length === 0) return [];
  const rows = await database.query(
    `SELECT key, (SELECT id FROM users WHERE users.email = value ->> 'email') AS owner,
       (SELECT user_id FROM undoable_email_changes WHERE old_email = value ->> 'email') AS reserver
     FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = value ->> 'id')`,
    json(others),
  );
  return rows
    .map(({ key, owner, reserver }) => ({
      one: others[key],
      owner: owner ?? reserver ?? undefined,
      isReserved: owner === null && reserver !== null,
    }))
    .filter(({ one, isReserved }) => one.hasId || isReserved);
}

/**
 * Returns the users of a batch whose chain of referrers, in the batch or the database, would lead back to them.
 */
async function inCycles(database, batch) {
  const rows = await database.query(
    `WITH RECURSIVE
       new (id, referrer_id, key) AS MATERIALIZED (
         SELECT users.id, invited.value ->> 'referrer_id', invited.key FROM json_each(?1) AS invited JOIN users
           ON users.email = invited.value ->> 'email' AND (users.id = invited.value ->> 'id' OR NOT invited.value ->> 'hasId')
         WHERE users.referrer_id IS NULL),
       walk (start, at) AS (
         SELECT id, referrer_id FROM new
         UNION
         SELECT walk.start, coalesce(new.referrer_id, users.referrer_id) FROM walk
           JOIN users ON users.id = walk.at LEFT JOIN new ON new.id = walk.at
         WHERE walk.at <> walk.start AND coalesce(new.referrer_id, users.referrer_id) IS NOT NULL)
     SELECT new.key FROM walk JOIN new ON new.id = walk.start WHERE walk.at = walk.start`,
    json(batch),
  );
  return new Set(rows.map(({ key }) => batch[key]));
}

async function setReferrers(database, all) {
  const cyclic = await inCycles(database, all);
  const batch = all.filter((one) => !cyclic.has(one));
  const set = await database.query(
    `UPDATE users SET referrer_id = invited.value ->> 'referrer_id' FROM json_each(?1) AS invited
     WHERE users.email = invited.value ->> 'email' AND (users.id = invited.value ->> 'id' OR NOT invited.value ->> 'hasId')
       AND users.referrer_id IS NULL AND users.id <> invited.value ->> 'referrer_id'
       AND EXISTS (SELECT 1 FROM users AS referrer WHERE referrer.id = invited.value ->> 'referrer_id')
     RETURNING id`,
    json(batch),
  );
  const missing = await database.query(
    `SELECT key FROM json_each(?1)
     WHERE NOT EXISTS (SELECT 1 FROM users AS referrer WHERE referrer.id = value ->> 'referrer_id')`,
    json(batch),
  );
  return { set: set.length, missing: missing.map(({ key }) => batch[key]), cyclic: [...cyclic] };
}

function json(batch) {
  return JSON.stringify(batch.map(({ user, hasId }) => ({ ...user, hasId })));
}

/** Yields all users in the format that an import accepts, ordered by id. */
export async function* exportUsers(database) {
  let last = "";
  for (;;) {
    const rows = await database.query(
      `SELECT ${columns.join(", ")}, (SELECT frozen_at FROM freezes WHERE user_id = users.id) AS freeze_since, ${selectedCredentials}
       FROM users WHERE id > ?1 ORDER BY id LIMIT ${pageLength}`,
      last,
    );
    for (const row of rows) {
      for (const flag of flags) row[flag] = row[flag] === 1;
      yield { ...row, extra: JSON.parse(row.extra), ...exportedCredentials(row) };
    }
    if (rows.length < pageLength) return;
    last = rows.at(-1).id;
  }
}

export async function countUsers(database) {
  const [counts] = await database.query(
    "SELECT count(*) AS users, coalesce(sum(role = 'admin' AND is_active = 1), 0) AS admins FROM users",
  );
  return counts;
}
