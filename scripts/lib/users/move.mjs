// Users into and out of the database. What is there already stays as it is, so that an import which broke off is simply
// run again, and one that is run twice changes nothing.

import { check, masked, maxName } from "./check.mjs";
import { columns, toUser } from "./origin.mjs";

/** How many users go into one statement, and how many characters at most: D1 takes 2 MB in one parameter. */
const batchLength = 1000;
const batchSize = 500_000;
/** How many are read by one statement. */
const pageLength = 1000;

const flags = ["is_active", "is_verified", "must_change_password"];

/**
 * Takes users in, in two passes over the same records: first all of them without their referrers, who may stand further
 * down, then who invited whom.
 *
 * @param {{query: Function}} database
 * @param {() => AsyncIterable<{place: string, record?: object, fault?: string}>} read Begins to read the records anew.
 * @param {object} [options]
 * @param {object} [options.hashConfig] Of a Firebase project.
 * @param {Record<string, string>} [options.roles] Roles of the source, in lower case, and the roles to import them as.
 * @param {boolean} [options.shortenNames] Cuts names to the permitted length and replaces control characters with spaces.
 * @param {(place: string, problem: string, record?: object) => void} [options.onFault] Is told of every record that is left out, and of every
 *   referrer that is.
 * @param {(place: string, note: string) => void} [options.onNote] Receives imported users without a password.
 * @param {(read: number) => void} [options.onProgress] Is told after every batch.
 * @returns What became of the records: each is counted once, in `imported`, `present` or `faulty`; `referrers` are those of
 *   them that were set.
 */
export async function importUsers(database, read, options = {}) {
  const { onFault = () => {}, onNote = () => {}, onProgress = () => {} } = options;
  const count = { imported: 0, present: 0, faulty: 0, referrers: 0, missingReferrers: 0, refusedReferrers: 0, withoutPassword: 0 };
  const fault = (place, problem, record) => {
    count.faulty += 1;
    onFault(place, problem, record);
  };

  let namesReferrers = false;
  for await (const batch of batches(checked(read, options, fault))) {
    const { ids, present, taken } = await insert(database, batch);
    count.imported += ids.size;
    count.present += present;
    for (const { place, user, hasPassword } of batch) {
      if (hasPassword || !ids.has(user.id)) continue;
      count.withoutPassword += 1;
      onNote(place, `${masked(user.email)}: has no password, and sets one by the link for a forgotten password`);
    }
    for (const { place, user, record } of taken) fault(withId(place, user.id), `${masked(user.email)}: its email belongs to another account`, record);
    namesReferrers ||= batch.some(({ user }) => user.referrer_id !== null);
    onProgress(count.imported + count.present + count.faulty);
  }

  if (namesReferrers) {
    for await (const batch of batches(invited(read, options))) {
      const { set, missing, cyclic } = await setReferrers(database, batch);
      count.referrers += set;
      count.missingReferrers += missing.length;
      for (const { place, user } of cyclic) {
        count.refusedReferrers += 1;
        onFault(place, `${masked(user.email)}: its referrers form a ring, and its referrer is left out`);
      }
      for (const { place, user } of missing) onFault(place, `${masked(user.email)}: its referrer is not among the users, and is left out`);
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

/** The place of a record with its id, if that looks like one: in a shifted row, a hash can stand in its column. */
function withId(place, id) {
  return /^[^$\p{Cc}]{1,64}$/u.test(String(id ?? "")) ? `${place} (id ${id})` : place;
}

/** The records that can be taken in. */
async function* checked(read, options, fault) {
  const { hashConfig } = options;
  for await (const { place, record, fault: unreadable } of read()) {
    if (unreadable) {
      fault(place, unreadable);
      continue;
    }
    const raw = adapted(toUser(record, hashConfig), options);
    const { user, faults, hasId, hasPassword } = check(raw);
    if (faults.length > 0) fault(withId(place, raw.id), `${masked(raw.email)}: ${faults.join("; ")}`, record);
    else yield { place, user, hasId, hasPassword, record };
  }
}

async function* invited(read, options) {
  for await (const one of checked(read, options, () => {})) {
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

async function insert(database, batch) {
  const values = columns.map((column) => (column === "referrer_id" ? "NULL" : `value ->> '${column}'`));
  const inserted = await database.query(
    `INSERT INTO users (${columns.join(", ")}) SELECT ${values.join(", ")} FROM json_each(?1) WHERE true
     ON CONFLICT DO NOTHING RETURNING id`,
    json(batch),
  );
  const ids = new Set(inserted.map(({ id }) => id));
  const others = batch.filter(({ user }) => !ids.has(user.id));
  const taken = others.length > 0 ? await emailsOfOthers(database, others) : [];
  return { ids, present: others.length - taken.length, taken };
}

/** Those who brought an id that is not there, although their email is: in the account of somebody else. */
async function emailsOfOthers(database, others) {
  const rows = await database.query(
    `SELECT key FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = value ->> 'id')`,
    json(others),
  );
  return rows.map(({ key }) => others[key]).filter(({ hasId }) => hasId);
}

/**
 * Those of a batch who would invite themselves through others, be these in the batch or in the database. They are found
 * before anything is written.
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

/** All users, with the names and values that an import takes, in the order of their ids. */
export async function* exportUsers(database) {
  let last = "";
  for (;;) {
    const rows = await database.query(
      `SELECT ${columns.join(", ")} FROM users WHERE id > ?1 ORDER BY id LIMIT ${pageLength}`,
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
