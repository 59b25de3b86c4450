// Converts records of other services to the columns of the table `users`. check.mjs validates the values later.

import { readFileSync } from "node:fs";
import { Failure } from "../run.mjs";
import { credentialColumns } from "./credentials.mjs";
import { readTime } from "./time.mjs";

/** The columns of the table `users` to import and export, in the order of the export. */
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
  "second_factor",
];

/** The columns of an export. `freeze_since` is when the freeze of this user's invite tree started. */
export const exportedColumns = [...columns, "freeze_since", ...credentialColumns];

/**
 * Recognizes the service of a record by a column that only that service has. Case, spaces and underscores in column names are
 * ignored, so `emailVerified`, `email_verified` and ` Email Verified` are the same column.
 *
 * @param {object} record
 * @param {{signerKey: string, saltSeparator: string, rounds: string, memCost: string}} [hashConfig] The hash parameters of Firebase.
 * @returns {object} The columns of the table `users`. `problems` lists errors of the whole record, `notes` what the operator
 *   should know, `kept` the columns whose values go to `extra`, and `left` those that are not imported. `lost` are those of them that
 *   show a second factor, and `isSilent` says that the record cannot tell.
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
  /** @type {Record<string, any>} */
  const user = convert(fields, hashConfig);
  const kept = extras.filter((key) => isGiven(fields[key]));
  const imported = convert === ofPostern ? known : new Set([...(read.get(convert) ?? []), ...extras]);
  const isLeft = (key) => (factorsElsewhere.includes(key) ? isThere(fields[key]) : isGiven(fields[key]));
  const left = convert === ofPostern ? [] : Object.keys(fields).filter((key) => !imported.has(key) && isLeft(key));
  const lost = left.filter((key) => factorsElsewhere.includes(key));
  const isSilent =
    (convert === ofFirebase && !("mfainfo" in fields)) || (convert === ofSupabase && !("mfafactors" in fields));
  const notes = [...(user.notes ?? [])];
  if (lost.length > 0)
    notes.push(`has a second factor or a passkey that cannot be moved (${lost.join(", ")}) and has to set it up again`);
  return { ...user, problems: [...problems, ...(user.problems ?? [])], notes, kept, left, lost, isSilent };
}

function normalized(column) {
  return column.toLowerCase().replace(/[\s_-]/g, "");
}

/** Returns the values of a record by normalized column name. */
function fieldsOf(record) {
  const fields = {};
  const problems = [];
  for (const [column, value] of Object.entries(record)) {
    const key = normalized(column);
    if (Object.hasOwn(fields, key)) problems.push(`has two columns with the name \`${key}\``);
    else fields[key] = value;
  }
  return { fields, problems };
}

/** Columns of other services that go to `extra`, under their normalized names. Users can read their own `extra`. */
const extras = ["username", "displayusername", "image", "photourl", "metadata", "phone", "phonenumber"];

/** Columns of other services that show a second factor or a passkey (docs/moving.md). */
const factorsElsewhere = ["twofactorenabled", "twofactors", "passkeys", "mfafactors", "mfainfo"];

/** Whether a value is more than empty, false, 0 or an empty list. */
function isThere(value) {
  return isGiven(value) && !isFalse(value) && !["", "[]"].includes(String(value));
}

const known = new Set([...exportedColumns.map(normalized), "password", ...extras]);

/** Postern's own export, or the table of lightnovel-crawler, where the hash is named `password`. */
function ofPostern(fields) {
  const user = Object.fromEntries(exportedColumns.map((column) => [column, fields[normalized(column)]]));
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
    // From the admin plugin, if it is used.
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

/** Whether a ban with this end is still in force. A missing or unreadable end counts as never. */
function isOngoing(end) {
  if (!isGiven(end)) return true;
  const { milliseconds: until } = readTime(milliseconds(end));
  return until === undefined || until > Date.now();
}

function banNotes(end) {
  if (!isGiven(end)) return [];
  const { milliseconds: until } = readTime(milliseconds(end));
  const duration = until === undefined ? "until an unreadable time" : `until ${new Date(until).toISOString()}`;
  return [`is banned ${duration} and imported as deactivated: activate the account yourself when the ban ends`];
}

/** Converts seconds, which some Better Auth databases use. Numbers that would be before 1973 in milliseconds are seconds. */
function milliseconds(time) {
  const isNumber = typeof time === "number" || (typeof time === "string" && /^\d+$/.test(time));
  return isNumber && Number(time) < 100_000_000_000 ? Number(time) * 1000 : time;
}

/** The table `auth.users`. Its `role` is a Postgres role; bans and deletions are times. */
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

/** The output of `firebase auth:export`: https://firebase.google.com/docs/cli/auth. */
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

/** What Firebase exports instead of a hash if the caller lacks permission: `REDACTED` in base64. */
const redacted = "UkVEQUNURUQ=";

/** Returns the hash in the format of Supabase's auth server, so that Firebase hashes have one format. */
function firebaseHash({ passwordhash, salt }, hashConfig) {
  if (!hashConfig) {
    throw new Failure(
      "Firebase passwords cannot be verified without the hash_config of the project.",
      "Copy it from the Firebase console (Authentication, Users, password hash parameters) into a file, and pass the file with --firebase-hash-config.",
    );
  }
  const { signerKey, saltSeparator, rounds, memCost } = hashConfig;
  return `$fbscrypt$v=1,n=${memCost},r=${rounds},p=1,ss=${saltSeparator},sk=${signerKey}$${plain(salt ?? "")}$${plain(passwordhash)}`;
}

/** Converts to standard base64 (RFC 4648, section 4). */
function plain(base64) {
  return Buffer.from(base64, "base64").toString("base64");
}

/** Reads the hash parameters in the format that the Firebase console shows. */
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
    throw new Failure(
      `${path} is missing ${missing.join(", ")}.`,
      "Copy the whole hash_config from the Firebase console.",
    );
  const { signerKey, saltSeparator, ...numbers } = Object.fromEntries(found);
  return { signerKey: plain(signerKey), saltSeparator: plain(saltSeparator), ...numbers };
}

/** The columns that each service's converter reads. */
const read = new Map(
  /** @type {[Function, string[]][]} */ ([
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
  ]),
);

/** Whether the value is true in JSON, CSV or SQLite. */
export function isTrue(value) {
  return (
    [true, 1, 1n].includes(value) || (typeof value === "string" && ["1", "t", "true"].includes(value.toLowerCase()))
  );
}

/** Whether the value is false in JSON, CSV or SQLite. */
export function isFalse(value) {
  return (
    [false, 0, 0n].includes(value) || (typeof value === "string" && ["0", "f", "false"].includes(value.toLowerCase()))
  );
}
