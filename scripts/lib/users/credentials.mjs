// Login credentials besides the password in exports and imports: authenticator apps, recovery codes, passkeys and identities at
// providers. What is encrypted stays encrypted: only the service with the same AUTH_SECRET can read it.

import { randomUUID } from "node:crypto";

/** The columns of each table that move, besides the user. In an export, each table is a column with a JSON array. */
const tables = {
  totp: ["key_id", "sealed", "created_at", "confirmed_at", "last_used_at", "last_step"],
  recovery_codes: ["key_id", "sealed", "created_at"],
  passkeys: [
    "credential_id",
    "algorithm",
    "public_key",
    "sign_count",
    "is_backup_eligible",
    "is_synced",
    "aaguid",
    "transports",
    "name",
    "created_at",
    "last_used_at",
  ],
  identities: ["issuer", "subject", "provider", "email", "created_at", "last_used_at"],
  // After the identities, because linking one removes it here.
  unlinked_identities: ["issuer", "subject"],
};

/** The tables with an id for each row. */
const withIds = ["recovery_codes", "passkeys", "identities"];

/** The columns of an export. */
export const credentialColumns = Object.keys(tables);

/** Maximum rows per user (src/domain/recovery_code.rs, src/domain/passkey.rs, src/store/identities.rs). */
const most = { totp: 1, recovery_codes: 10, passkeys: 20, identities: 20, unlinked_identities: 1_000 };

/** The expressions that select the credentials of a user. An app that was never confirmed is none. */
export const selectedCredentials = credentialColumns
  .map((table) => {
    const members = tables[table].map((column) => `'${column}', ${column}`).join(", ");
    const condition = table === "totp" ? " AND confirmed_at IS NOT NULL" : "";
    return `(SELECT json_group_array(json_object(${members})) FROM ${table} WHERE user_id = users.id${condition}) AS ${table}`;
  })
  .join(", ");

/** Returns the credentials of an exported row as JSON. A user without any has `null`, which is an empty cell in CSV. */
export function exportedCredentials(row) {
  const parsed = credentialColumns.map((table) => [table, JSON.parse(row[table])]);
  return Object.fromEntries(parsed.map(([table, items]) => [table, items.length > 0 ? items : null]));
}

/** Returns the statements that insert the credentials of users, `[sql, users as JSON]`, for the batch that inserts the users. */
export function insertCredentials(users) {
  return credentialColumns.flatMap((table) => {
    const owners = users.filter((user) => user[table].length > 0);
    const columns = withIds.includes(table) ? ["id", ...tables[table]] : tables[table];
    const values = columns.map((column) => `item.value ->> '${column}'`).join(", ");
    const sql = `INSERT INTO ${table} (user_id, ${columns.join(", ")}) SELECT owner.value ->> 'id', ${values}
      FROM json_each(?1) AS owner, json_each(owner.value, '$.${table}') AS item
      WHERE EXISTS (SELECT 1 FROM users WHERE id = owner.value ->> 'id' AND email = owner.value ->> 'email')`;
    return owners.length > 0 ? [[sql, JSON.stringify(owners)]] : [];
  });
}

/**
 * Checks the credentials of a user.
 *
 * @param {object} raw The user, with the values of the file.
 * @param {object} user The columns of the table `users`, checked.
 * @param {object} rules As `loadRules` returns them.
 * @param {Set<string>} [keyIds] The keys that the service accepts, if they are known.
 * @returns {{credentials: object, problems: string[]}} The rows to store by table, and what is wrong.
 */
export function checkCredentials(raw, user, rules, keyIds) {
  const problems = [];
  const credentials = {};
  for (const table of credentialColumns) {
    credentials[table] = [];
    const items = list(raw[table]);
    if (!items || items.length > most[table]) {
      problems.push(`${table} must be a JSON list of at most ${most[table]}`);
      continue;
    }
    for (const item of items) {
      const given = Object(item);
      const wrong = tables[table].filter((column) => !readers[column](given[column] ?? null, given, rules));
      const unknown = Object.keys(given).filter((column) => !tables[table].includes(column));
      if (wrong.length > 0) problems.push(`${table} has no valid ${wrong.join(", ")}`);
      else if (unknown.length > 0) problems.push(`${table} has unknown columns: ${unknown.join(", ")}`);
      else credentials[table].push(withIds.includes(table) ? { id: randomUUID(), ...item } : item);
    }
  }
  const { totp, recovery_codes, passkeys } = credentials;
  const isAny = [totp, recovery_codes, passkeys].some((items) => items.length > 0);
  if (problems.length > 0) return { credentials, problems };

  // Its second factors are bound to the id: the service encrypts with it, and passkeys contain it.
  if (isAny && !raw.id) problems.push("id is missing, but second factors work only with the id of their user");
  // Otherwise the user would be locked out, or the second factor would not be asked for.
  if (user.second_factor === 1 && totp.length + passkeys.length === 0)
    problems.push(
      "second_factor is true without an authenticator app (totp) or a passkey: add one, or set second_factor to false",
    );
  if (user.second_factor === 0 && totp.length + recovery_codes.length > 0)
    problems.push("second_factor must be true for a user with an authenticator app (totp) or recovery codes");
  if (keyIds && [...totp, ...recovery_codes].some(({ key_id }) => !keyIds.has(key_id)))
    problems.push(
      "totp or recovery_codes are encrypted with another AUTH_SECRET: set that as AUTH_SECRET_PREVIOUS of the service, or remove both and set second_factor to false",
    );
  return { credentials, problems };
}

/** Returns a key for each credential that only one account can have: its passkeys and its identities. */
export function ownCredentials({ passkeys, identities }) {
  return [
    ...passkeys.map(({ credential_id }) => credential_id),
    ...identities.map(({ issuer, subject }) => JSON.stringify([issuer, subject])),
  ];
}

/** Returns the table of a key of `ownCredentials`. Credential ids are base64url, so none begins with a bracket. */
export const tableOf = (key) => (key.startsWith("[") ? "identities" : "passkeys");

/** Returns the keys of those that are in the database already. */
export async function usedCredentials(database, users) {
  const keys = JSON.stringify(users.flatMap(ownCredentials));
  if (keys === "[]") return new Set();
  const rows = await database.query(
    `SELECT credential_id AS key FROM passkeys WHERE credential_id IN (SELECT value FROM json_each(?1))
     UNION ALL
     SELECT json_array(issuer, subject) FROM identities
       JOIN json_each(?1) ON value LIKE '[%' AND issuer = value ->> 0 AND subject = value ->> 1`,
    keys,
  );
  return new Set(rows.map(({ key }) => key));
}

function list(value) {
  try {
    const items = typeof value === "string" && value !== "" ? JSON.parse(value) : value || [];
    return Array.isArray(items) ? items : undefined;
  } catch {
    return undefined;
  }
}

const isBase64url = (value, length) => typeof value === "string" && value.length <= length && /^[\w-]+$/.test(value);
const isWhole = (value) => Number.isSafeInteger(value) && value >= 0;
const isFlag = (value) => value === 0 || value === 1;

/** Whether a value is valid in its column. */
const readers = {
  key_id: (value) => isBase64url(value, 32),
  sealed: (value) => isBase64url(value, 500),
  created_at: isWhole,
  confirmed_at: isWhole,
  last_used_at: (value) => value === null || isWhole(value),
  last_step: isWhole,
  credential_id: (value) => isBase64url(value, 1364),
  algorithm: Number.isSafeInteger,
  public_key: (value, { algorithm }, rules) => isBase64url(value, 1000) && rules.is_public_key(algorithm, value),
  sign_count: isWhole,
  is_backup_eligible: isFlag,
  is_synced: isFlag,
  aaguid: (value) => typeof value === "string" && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(value),
  transports: (value) => typeof value === "string" && value.length <= 200 && isTexts(value),
  name: (value, _, rules) => isName(value, rules),
  issuer: (value) => isText(value, 1, 2_000) && URL.canParse(value),
  subject: (value) => isText(value, 1, 255),
  provider: (value) => typeof value === "string" && /^[a-z][a-z0-9_]{0,30}$/.test(value),
  email: (value) => value === null || isText(value, 3, 254),
};

function isText(value, least, most) {
  return typeof value === "string" && value.length >= least && value.length <= most && !/\p{Cc}/u.test(value);
}

function isTexts(json) {
  return Boolean(list(json)?.every((one) => typeof one === "string"));
}

function isName(value, rules) {
  try {
    return typeof value === "string" && rules.read_name(value) === value;
  } catch {
    return false;
  }
}
