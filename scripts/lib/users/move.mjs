// Imports and exports users. Existing users are left unchanged, so an import can safely be repeated.

import { check, masked, maxName } from "./check.mjs";
import { knownDefaults } from "./defaults.mjs";
import { columns, toUser } from "./origin.mjs";
import { loadRules } from "./rules.mjs";

/** Maximum users and characters per statement: a parameter of D1 has at most 2 MB. */
const batchLength = 1000;
const batchSize = 500_000;
/** Users read per statement. */
/** @typedef {{ place: string, record?: Record<string, any>, problem?: string }} Row */

const pageLength = 1000;

const flags = ["is_active", "is_verified", "must_change_password"];

/**
 * Imports users in two passes over the same records: first all users without referrers, because a referrer may come later in
 * the file, then the referrers.
 *
 * @param {{query: Function}} database
 * @param {() => AsyncIterable<Row> | Iterable<Row>} read Reads the records from the start.
 * @param {object} [options]
 * @param {object} [options.hashConfig] The hash parameters of a Firebase project.
 * @param {string} [options.serviceName] The name of the service, which counts as a known default password.
 * @param {Record<string, string>} [options.roles] Roles of the source, in lower case, and the roles to import them as.
 * @param {boolean} [options.shortenNames] Cuts names to the permitted length and replaces control characters with spaces.
 * @param {boolean} [options.dryRun] Checks the records without writing anything.
 * @param {(place: string, problem: string, record?: object) => void} [options.onInvalid] Called for every record and every referrer
 *   that is not imported.
 * @param {(place: string, note: string) => void} [options.onNote] Called for imported users who need attention: they have no password
 *   or a known default one, or their ban ends at some time.
 * @param {(read: number) => void} [options.onProgress] Called after every batch.
 * @returns Counts. Each record counts once, as `imported`, `present` or `invalid`. `referrers` counts the referrers that were
 *   set. `kept` and `left` count values by column: kept in `extra`, or not imported.
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
    kept: {},
    left: {},
  };
  const report = (place, problem, record) => {
    count.invalid += 1;
    onInvalid(place, problem, record);
  };

  const isKnownDefault = knownDefaults(rules, options.serviceName);
  const seen = { ids: new Set(), emails: new Set() };
  let namesReferrers = false;
  for await (const batch of batches(checked(read, rules, options, report))) {
    const news = await unknown(database, batch);
    for (const one of batch.filter(({ user }) => news.has(user.id))) {
      const problem = isKnownDefault(one.user, one.hasPassword);
      if (!problem) continue;
      one.user.must_change_password = 1;
      one.isKnownDefault = true;
      one.notes.push(problem);
    }
    const ids = dryRun ? withoutTwins(batch, news, seen) : await insert(database, batch);
    const taken = await takenEmails(
      database,
      batch.filter(({ user }) => !ids.has(user.id) && !seen.ids.has(user.id)),
    );
    count.imported += ids.size;
    count.present += batch.length - ids.size - taken.length;
    for (const one of batch) {
      if (!ids.has(one.user.id)) continue;
      if (!one.hasPassword) {
        count.withoutPassword += 1;
        one.notes.push('has no password; the user can set one with "Forgot your password?"');
      }
      if (one.isKnownDefault) count.knownDefaults += 1;
      for (const column of one.kept) count.kept[column] = (count.kept[column] ?? 0) + 1;
      for (const column of one.left) count.left[column] = (count.left[column] ?? 0) + 1;
      for (const note of one.notes) onNote(withId(one.place, one.user.id), `${masked(one.user.email)}: ${note}`);
    }
    for (const { one, owner } of taken) {
      const twin = owner === undefined ? "another account" : `the account with the id ${owner}`;
      report(
        withId(one.place, one.user.id),
        `${masked(one.user.email)}: its email belongs to ${twin} (case is ignored): keep one of the two, or change one of the addresses`,
        one.record,
      );
    }
    namesReferrers ||= batch.some(({ user }) => user.referrer_id !== null);
    onProgress(count.imported + count.present + count.invalid);
  }

  if (namesReferrers && !dryRun) {
    for await (const batch of batches(invited(read, rules, options))) {
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
async function* checked(read, rules, options, report) {
  const { hashConfig } = options;
  for await (const { place, record, problem: unreadable } of read()) {
    if (unreadable) {
      report(place, unreadable);
      continue;
    }
    const raw = adapted(toUser(record, hashConfig), options);
    const { user, problems, hasId, hasPassword } = check(raw, rules);
    if (problems.length > 0) report(withId(place, raw.id), `${masked(raw.email)}: ${problems.join("; ")}`, record);
    else yield { place, user, hasId, hasPassword, record, notes: [...raw.notes], kept: raw.kept, left: raw.left };
  }
}

async function* invited(read, rules, options) {
  for await (const one of checked(read, rules, options, () => {})) {
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

/** Returns the ids of the users of a batch whose id and email are not in the database. */
async function unknown(database, batch) {
  const rows = await database.query(
    `SELECT value ->> 'id' AS id FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = value ->> 'id')
     AND NOT EXISTS (SELECT 1 FROM users WHERE users.email = value ->> 'email')`,
    json(batch),
  );
  return new Set(rows.map(({ id }) => id));
}

/** Returns the new ids, except those whose id or email occurred earlier in the file. */
function withoutTwins(batch, news, seen) {
  const ids = new Set();
  for (const { user } of batch) {
    if (!news.has(user.id) || seen.ids.has(user.id) || seen.emails.has(user.email)) continue;
    seen.ids.add(user.id);
    seen.emails.add(user.email);
    ids.add(user.id);
  }
  return ids;
}

/** Inserts users, their freezes and an audit event for each. Returns the ids of the new users. */
async function insert(database, batch) {
  const values = columns.map((column) => (column === "referrer_id" ? "NULL" : `value ->> '${column}'`));
  const inserted = await database.query(
    `INSERT INTO users (${columns.join(", ")}) SELECT ${values.join(", ")} FROM json_each(?1) WHERE true
     ON CONFLICT DO NOTHING RETURNING id`,
    json(batch),
  );
  const ids = new Set(inserted.map(({ id }) => id));
  const news = json(batch.filter(({ user }) => ids.has(user.id)));
  if (ids.size === 0) return ids;
  await database.query(
    `INSERT INTO events (at, action, result, actor_id, subject_id, address, new_value)
     SELECT max(?2, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), ?2)), 'user_imported', 'success', 'operator',
       value ->> 'id', 'terminal', json_object('role', value ->> 'role', 'tier', value ->> 'tier')
     FROM json_each(?1)`,
    news,
    Date.now(),
  );
  // If the root of a freeze is not in the file, the users that it deactivated identify it.
  await database.query(
    `INSERT INTO freezes (user_id, frozen_at)
     SELECT root, coalesce(max(since), max(frozen_at)) FROM (
       SELECT value ->> 'id' AS root, value ->> 'freeze_since' AS since, NULL AS frozen_at FROM json_each(?1)
         WHERE value ->> 'freeze_since' IS NOT NULL
       UNION ALL
       SELECT value ->> 'frozen_by', NULL, value ->> 'frozen_at' FROM json_each(?1) WHERE value ->> 'frozen_by' IS NOT NULL)
     WHERE true GROUP BY root
     ON CONFLICT DO UPDATE SET frozen_at = max(frozen_at, excluded.frozen_at)`,
    news,
  );
  return ids;
}

/**
 * Returns the users whose email belongs to an account with another id. `owner` is that id; a dry run does not know it if the
 * account is also in the file.
 */
async function takenEmails(database, others) {
  if (others.length === 0) return [];
  const rows = await database.query(
    `SELECT key, (SELECT id FROM users WHERE users.email = value ->> 'email') AS owner
     FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = value ->> 'id')`,
    json(others),
  );
  return rows.map(({ key, owner }) => ({ one: others[key], owner: owner ?? undefined })).filter(({ one }) => one.hasId);
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
      `SELECT ${columns.join(", ")}, (SELECT frozen_at FROM freezes WHERE user_id = users.id) AS freeze_since
       FROM users WHERE id > ?1 ORDER BY id LIMIT ${pageLength}`,
      last,
    );
    for (const row of rows) {
      for (const flag of flags) row[flag] = row[flag] === 1;
      yield { ...row, extra: JSON.parse(row.extra) };
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
