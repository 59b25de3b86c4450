// What a record of another service means here: its names and values turned into the columns of the table `users`. What
// is wrong with them is judged later, for all services alike.

import { readFileSync } from "node:fs";
import { Failure } from "../run.mjs";

/** The columns that move, in the order in which they are written. */
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
];

/**
 * Recognises a record by a name that only its service has.
 *
 * @param {object} record
 * @param {{signerKey: string, saltSeparator: string, rounds: string, memCost: string}} [hashConfig] Of Firebase.
 */
export function toUser(record, hashConfig) {
  if ("localId" in record) return ofFirebase(record, hashConfig);
  if ("encrypted_password" in record) return ofSupabase(record);
  if ("emailVerified" in record) return ofBetterAuth(record);
  return ofPostern(record);
}

/** Our own export, and the table of lightnovel-crawler, which calls the hash `password`. */
function ofPostern(record) {
  const user = Object.fromEntries(columns.map((column) => [column, record[column]]));
  return { ...user, password_hash: record.password_hash ?? record.password };
}

/** `user` with the `password` of its `account`: https://www.better-auth.com/docs/concepts/database. */
function ofBetterAuth(record) {
  return {
    id: record.id,
    email: record.email,
    password_hash: record.password,
    name: record.name,
    // Of the admin plugin, where it is used.
    role: String(record.role ?? "").split(",").includes("admin") ? "admin" : "user",
    is_active: !isTrue(record.banned),
    is_verified: record.emailVerified,
    created_at: milliseconds(record.createdAt),
    updated_at: milliseconds(record.updatedAt),
  };
}

/** Some of the databases under Better Auth count seconds: a number that would be a time before 1973 does. */
function milliseconds(time) {
  return typeof time === "number" && time < 100_000_000_000 ? time * 1000 : time;
}

/** `auth.users`: its `role` is one of Postgres, and an account is banned or deleted by a time. */
function ofSupabase(record) {
  return {
    id: record.id,
    email: record.email,
    password_hash: record.encrypted_password,
    name: nameInMetadata(record.raw_user_meta_data),
    is_active: !record.deleted_at && !(Date.parse(record.banned_until) > Date.now()),
    is_verified: Boolean(record.email_confirmed_at),
    created_at: record.created_at,
    updated_at: record.updated_at,
  };
}

function nameInMetadata(metadata) {
  try {
    const { full_name, name } = (typeof metadata === "string" ? JSON.parse(metadata || "{}") : metadata) ?? {};
    return full_name ?? name;
  } catch {
    return undefined;
  }
}

/** What `firebase auth:export` writes: https://firebase.google.com/docs/cli/auth. */
function ofFirebase(record, hashConfig) {
  return {
    id: record.localId,
    email: record.email,
    password_hash: record.passwordHash && firebaseHash(record, hashConfig),
    name: record.displayName,
    is_active: !isTrue(record.disabled),
    is_verified: record.emailVerified,
    created_at: record.createdAt,
  };
}

/** As Supabase's auth server writes it, so that such hashes have one form wherever they come from. */
function firebaseHash({ passwordHash, salt = "" }, hashConfig) {
  if (!hashConfig) {
    throw new Failure(
      "The passwords of Firebase cannot be verified without the hash_config of the project.",
      "Copy it from the Firebase console (Authentication, Users, password hash parameters) into a file, and name that with --firebase-hash-config.",
    );
  }
  const { signerKey, saltSeparator, rounds, memCost } = hashConfig;
  return `$fbscrypt$v=1,n=${memCost},r=${rounds},p=1,ss=${saltSeparator},sk=${signerKey}$${plain(salt)}$${plain(passwordHash)}`;
}

/** Base64 with the alphabet and the padding of RFC 4648, section 4. */
function plain(base64) {
  return Buffer.from(base64, "base64").toString("base64");
}

/** Reads the parameters as the Firebase console shows them. */
export function readHashConfig(path) {
  const text = readFileSync(path, "utf8");
  const names = { signerKey: "base64_signer_key", saltSeparator: "base64_salt_separator", rounds: "rounds", memCost: "mem_cost" };
  const found = Object.entries(names).map(([key, name]) => [key, text.match(new RegExp(`\\b${name}"?\\s*[:=]\\s*"?([\\w+/=-]+)`))?.[1]]);
  const missing = found.filter(([, value]) => !value).map(([key]) => names[key]);
  if (missing.length > 0) throw new Failure(`${path} lacks ${missing.join(", ")}.`, "Copy the whole hash_config from the Firebase console.");
  const { signerKey, saltSeparator, ...numbers } = Object.fromEntries(found);
  return { signerKey: plain(signerKey), saltSeparator: plain(saltSeparator), ...numbers };
}

/** As JSON, CSV and SQLite write a flag that is set. */
export function isTrue(value) {
  return [true, 1, 1n].includes(value) || (typeof value === "string" && ["1", "t", "true"].includes(value.toLowerCase()));
}
