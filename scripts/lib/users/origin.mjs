// What a record of another service means here: its names and values turned into the columns of the table `users`. What
// is wrong with them is judged later, for all services alike.

import { readFileSync } from "node:fs";
import { Failure } from "../run.mjs";
import { readTime } from "./time.mjs";

/** The columns of the table `users` that move, in the order in which they are written. */
export const columns = [
  "id",
  "email",
  "password_hash",
  "name",
  "role",
  "tier",
  "is_active",
  "is_verified",
  "must_change_password",
  "referrer_id",
  "extra",
  "created_at",
  "updated_at",
  "frozen_by",
  "frozen_at",
];

/** The columns of an export: also since when the invite tree of this user is frozen. */
export const exportedColumns = [...columns, "freeze_since"];

/**
 * Recognizes the service of a record by a column that only this service has. Columns are compared without case, spaces and
 * underscores, so `emailVerified`, `email_verified` and ` Email Verified` are the same column.
 *
 * @param {object} record
 * @param {{signerKey: string, saltSeparator: string, rounds: string, memCost: string}} [hashConfig] Of Firebase.
 * @returns {object} The columns of the table `users`. `problems` has what is wrong with the record as a whole, `notes` what its
 *   admin should know; `kept` names the columns whose values are kept in `extra`, and `left` those that are not imported.
 */
export function toUser(record, hashConfig) {
  const { fields, problems } = fieldsOf(record);
  const convert =
    "localid" in fields
      ? ofFirebase
      : "encryptedpassword" in fields
        ? ofSupabase
        : "emailverified" in fields
          ? ofBetterAuth
          : ofPostern;
  const user = convert(fields, hashConfig);
  const kept = extras.filter((key) => isGiven(fields[key]));
  const imported = convert === ofPostern ? known : new Set([...read.get(convert), ...extras]);
  const left =
    convert === ofPostern ? [] : Object.keys(fields).filter((key) => !imported.has(key) && isGiven(fields[key]));
  return { ...user, problems: [...problems, ...(user.problems ?? [])], notes: user.notes ?? [], kept, left };
}

function squashed(column) {
  return column.toLowerCase().replace(/[\s_-]/g, "");
}

/** The values of a record by their squashed column names. */
function fieldsOf(record) {
  const fields = {};
  const problems = [];
  for (const [column, value] of Object.entries(record)) {
    const key = squashed(column);
    if (Object.hasOwn(fields, key)) problems.push(`has two columns that read as \`${key}\``);
    else fields[key] = value;
  }
  return { fields, problems };
}

/** Columns of other services that are kept in `extra`, under their squashed names. Users can read their `extra`. */
const extras = ["username", "displayusername", "image", "photourl", "metadata", "phone", "phonenumber"];
const known = new Set([...exportedColumns.map(squashed), "password", ...extras]);

/** Postern's own export, and the table of lightnovel-crawler, which calls the hash `password`. */
function ofPostern(fields) {
  const user = Object.fromEntries(exportedColumns.map((column) => [column, fields[squashed(column)]]));
  const unknown = Object.keys(fields).filter((key) => !known.has(key) && isGiven(fields[key]));
  const problems = unknown.length > 0 ? [`has unknown columns: ${unknown.join(", ")}; rename or remove them`] : [];
  const passwordHash = isGiven(fields.passwordhash) ? fields.passwordhash : fields.password;
  return { ...user, password_hash: passwordHash, extra: withExtras(user.extra, fields), problems };
}

function isGiven(value) {
  return value !== undefined && value !== null && value !== "";
}

function withExtras(extra, fields) {
  const given = extras.filter((key) => isGiven(fields[key]));
  if (given.length === 0) return extra;
  let object = extra;
  if (typeof extra === "string") {
    try {
      object = extra === "" ? {} : JSON.parse(extra);
    } catch {
      return extra;
    }
  }
  object ??= {};
  if (typeof object !== "object" || Array.isArray(object)) return extra;
  return { ...Object.fromEntries(given.map((key) => [key, fields[key]])), ...object };
}

/** `user` with the `password` of its `account`: https://www.better-auth.com/docs/concepts/database. */
function ofBetterAuth(fields) {
  const isBanned = isGiven(fields.banned) && !isFalse(fields.banned) && isOngoing(fields.banexpires);
  return {
    id: fields.id,
    email: fields.email,
    password_hash: fields.password,
    name: fields.name,
    // Of the admin plugin, where it is used.
    role: String(fields.role ?? "")
      .split(",")
      .includes("admin")
      ? "admin"
      : "user",
    is_active: !isBanned,
    notes: isBanned ? banNotes(fields.banexpires) : [],
    is_verified: fields.emailverified,
    extra: withExtras({}, fields),
    created_at: milliseconds(fields.createdat),
    updated_at: milliseconds(fields.updatedat),
  };
}

/** Whether a ban with this end still holds. One without an end, or with one that cannot be read, does. */
function isOngoing(end) {
  if (!isGiven(end)) return true;
  const { milliseconds: until } = readTime(milliseconds(end));
  return until === undefined || until > Date.now();
}

function banNotes(end) {
  if (!isGiven(end)) return [];
  const { milliseconds: until } = readTime(milliseconds(end));
  const told = until === undefined ? "to a time that cannot be read" : `until ${new Date(until).toISOString()}`;
  return [`is banned ${told}, and is imported as deactivated: activate the account by hand when the ban ends`];
}

/** Some databases under Better Auth count seconds. Numbers that would be times before 1973 in milliseconds are seconds. */
function milliseconds(time) {
  const isNumber = typeof time === "number" || (typeof time === "string" && /^\d+$/.test(time));
  return isNumber && Number(time) < 100_000_000_000 ? Number(time) * 1000 : time;
}

/** `auth.users`: its `role` is one of Postgres, and an account is banned or deleted by a time. */
function ofSupabase(fields) {
  const isBanned = isGiven(fields.banneduntil) && isOngoing(fields.banneduntil);
  const metadata = userMetadata(fields.rawusermetadata);
  if (Object.keys(metadata).length > 0) fields.metadata ??= metadata;
  return {
    id: fields.id,
    email: fields.email,
    password_hash: fields.encryptedpassword,
    name: metadata.full_name ?? metadata.name,
    is_active: !fields.deletedat && !isBanned,
    is_verified: Boolean(fields.emailconfirmedat),
    extra: withExtras({}, fields),
    notes: isBanned ? banNotes(fields.banneduntil) : [],
    created_at: fields.createdat,
    updated_at: fields.updatedat,
  };
}

function userMetadata(metadata) {
  try {
    const object = typeof metadata === "string" ? JSON.parse(metadata || "{}") : metadata;
    return object !== null && typeof object === "object" ? object : {};
  } catch {
    return {};
  }
}

/** What `firebase auth:export` writes: https://firebase.google.com/docs/cli/auth. */
function ofFirebase(fields, hashConfig) {
  const isRedacted = fields.passwordhash === redacted;
  return {
    id: fields.localid,
    email: fields.email,
    password_hash: fields.passwordhash && !isRedacted ? firebaseHash(fields, hashConfig) : undefined,
    name: fields.displayname,
    is_active: !(isGiven(fields.disabled) && !isFalse(fields.disabled)),
    is_verified: fields.emailverified,
    extra: withExtras({}, fields),
    created_at: fields.createdat,
    problems: isRedacted ? ["password_hash is redacted: export as an owner of the Firebase project"] : [],
  };
}

/** What Firebase writes instead of a hash for callers who may not read hashes: `REDACTED` in base64. */
const redacted = "UkVEQUNURUQ=";

/** As Supabase's auth server writes it, so that such hashes have one form wherever they come from. */
function firebaseHash({ passwordhash, salt }, hashConfig) {
  if (!hashConfig) {
    throw new Failure(
      "The passwords of Firebase cannot be verified without the hash_config of the project.",
      "Copy it from the Firebase console (Authentication, Users, password hash parameters) into a file, and name that with --firebase-hash-config.",
    );
  }
  const { signerKey, saltSeparator, rounds, memCost } = hashConfig;
  return `$fbscrypt$v=1,n=${memCost},r=${rounds},p=1,ss=${saltSeparator},sk=${signerKey}$${plain(salt ?? "")}$${plain(passwordhash)}`;
}

/** Base64 with the alphabet and the padding of RFC 4648, section 4. */
function plain(base64) {
  return Buffer.from(base64, "base64").toString("base64");
}

/** Reads the parameters as the Firebase console shows them. */
export function readHashConfig(path) {
  const text = readFileSync(path, "utf8");
  const names = {
    signerKey: "base64_signer_key",
    saltSeparator: "base64_salt_separator",
    rounds: "rounds",
    memCost: "mem_cost",
  };
  const found = Object.entries(names).map(([key, name]) => [
    key,
    text.match(new RegExp(`\\b${name}"?\\s*[:=]\\s*"?([\\w+/=-]+)`))?.[1],
  ]);
  const missing = found.filter(([, value]) => !value).map(([key]) => names[key]);
  if (missing.length > 0)
    throw new Failure(`${path} lacks ${missing.join(", ")}.`, "Copy the whole hash_config from the Firebase console.");
  const { signerKey, saltSeparator, ...numbers } = Object.fromEntries(found);
  return { signerKey: plain(signerKey), saltSeparator: plain(saltSeparator), ...numbers };
}

/** The columns that each service's converter reads. */
const read = new Map([
  [
    ofBetterAuth,
    ["id", "email", "password", "name", "role", "banned", "banexpires", "emailverified", "createdat", "updatedat"],
  ],
  [
    ofSupabase,
    [
      "id",
      "email",
      "encryptedpassword",
      "rawusermetadata",
      "deletedat",
      "banneduntil",
      "emailconfirmedat",
      "createdat",
      "updatedat",
    ],
  ],
  [ofFirebase, ["localid", "email", "passwordhash", "salt", "displayname", "disabled", "emailverified", "createdat"]],
]);

/** As JSON, CSV and SQLite write a flag that is set. */
export function isTrue(value) {
  return (
    [true, 1, 1n].includes(value) || (typeof value === "string" && ["1", "t", "true"].includes(value.toLowerCase()))
  );
}

/** The forms of a cleared flag in JSON, CSV and SQLite. */
export function isFalse(value) {
  return (
    [false, 0, 0n].includes(value) || (typeof value === "string" && ["0", "f", "false"].includes(value.toLowerCase()))
  );
}
