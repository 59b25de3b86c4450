// Checks whether a user can be imported, before anything is written. Emails, names and password hashes are checked with the
// Worker's own rules (`rules.rs`). An invalid row is reported and does not affect other rows.

import { randomUUID } from "node:crypto";
import { isFalse, isTrue } from "./origin.mjs";
import { checkCredentials } from "./credentials.mjs";
import { readTime } from "./time.mjs";

/** Maximum length of the JSON of `extra` in characters: the size limit of a request. */
const maxExtra = 16_384;

/** Maximum length of a name in characters, to which `--shorten-names` cuts it. */
export const maxName = 100;

const tiers = ["basic", "premium", "vip"];

/** What version 0.1.0 imported as the hash of users without a password. No password matches it. */
const noPassword = `$argon2id$v=19$m=19456,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;

/**
 * @param {object} raw A user in the columns of the table, with the values of the file.
 * @param {object} rules As `loadRules` returns them.
 * @param {Set<string>} [keyIds] The keys of second factors that the service accepts, if they are known.
 * @returns {{user: object, problems: string[], hasId: boolean, hasPassword: boolean}} The row to store with its second factors, its
 *   errors, and whether the file has an id and a password for the user.
 */
export function check(raw, rules, keyIds, now = Date.now()) {
  const problems = [...(raw.problems ?? [])];
  const take = (column, read) => {
    try {
      return read(raw[column] === "" ? undefined : (raw[column] ?? undefined));
    } catch (error) {
      // The rules throw the reason as a string.
      if (!(error instanceof InvalidValue) && typeof error !== "string") throw error;
      problems.push(`${column} ${error instanceof InvalidValue ? error.message : error}${advice[column] ?? ""}`);
      return undefined;
    }
  };
  const user = {
    id: take("id", (value) => (value === undefined ? randomUUID() : text(value, 1, 128))),
    email: take("email", (value = "") => rules.read_email(string(value))),
    password_hash: take("password_hash", (value) => passwordHash(value, rules)),
    name: take("name", (value) =>
      value === undefined || string(value).trim() === "" ? null : rules.read_name(string(value)),
    ),
    role: take("role", role),
    tier: take("tier", tier),
    is_active: take("is_active", (value = true) => flag(value)),
    is_verified: take("is_verified", (value = false) => flag(value)),
    must_change_password: take("must_change_password", (value = false) => flag(value)),
    referrer_id: take("referrer_id", (value) => (value === undefined ? null : text(value, 1, 128))),
    extra: take("extra", extra),
    created_at: take("created_at", (value = now) => time(value)),
    second_factor: take("second_factor", (value = false) => flag(value)),
  };
  // The default account of lightnovel-crawler and Postern.
  if (user.email === "admin" && isAbsent(raw.must_change_password)) user.must_change_password = 1;
  user.frozen_by = take("frozen_by", (value) => (value === undefined ? null : text(value, 1, 128)));
  user.frozen_at = take("frozen_at", (value) => (value === undefined ? null : time(value)));
  user.freeze_since = take("freeze_since", (value) => (value === undefined ? null : time(value)));
  if ((user.frozen_by === null) !== (user.frozen_at === null))
    problems.push("frozen_by and frozen_at must be given together");
  if (user.frozen_by && user.is_active === 1) problems.push("is_active must be false for a user who is frozen");
  user.updated_at = take("updated_at", (value) => (value === undefined ? (user.created_at ?? now) : time(value)));
  const { credentials, problems: ofCredentials } = checkCredentials(raw, user, rules, keyIds);
  problems.push(...ofCredentials);
  return {
    user: { ...user, ...credentials },
    problems,
    hasId: Boolean(raw.id),
    hasPassword: user.password_hash !== "",
  };
}

/** Shortens an address, valid or not, for the terminal: `a***@example.com`. */
export function masked(address) {
  const trimmed = String(address ?? "").trim();
  const at = trimmed.lastIndexOf("@");
  return at < 0 ? `${trimmed.slice(0, 1)}***` : `${trimmed.slice(0, Math.min(1, at))}***@${trimmed.slice(at + 1)}`;
}

/** What to do about an invalid value. */
const advice = {
  email: ": correct it, or give the user another address",
  password_hash: ': remove it, and the user can set one with "Forgot your password?"',
  name: ": shorten it, or use --shorten-names",
  role: ": use --role THEIRS=OURS",
};

function isAbsent(value) {
  return value === undefined || value === null || value === "";
}

class InvalidValue extends Error {}

function ensure(condition, message) {
  if (!condition) throw new InvalidValue(message);
}

function text(value, least, most) {
  const trimmed = string(value).trim();
  const length = [...trimmed].length;
  ensure(length >= least && length <= most, `must have ${least} to ${most} characters`);
  ensure(!/\p{Cc}/u.test(trimmed), "must not contain control characters");
  return trimmed;
}

function string(value) {
  ensure(typeof value === "string" || typeof value === "number", "must be text");
  return String(value);
}

function passwordHash(value, rules) {
  if (value === undefined || value === noPassword) return "";
  rules.check_hash(string(value));
  return value;
}

function role(value = "user") {
  const role = String(value).toLowerCase();
  ensure(["user", "admin"].includes(role), "must be user or admin");
  return role;
}

function tier(value = 0) {
  const named = tiers.indexOf(String(value).toLowerCase());
  const tier = named >= 0 ? named : Number(value);
  ensure([0, 1, 2].includes(tier), `must be 0, 1 or 2, or one of ${tiers.join(", ")}`);
  return tier;
}

function flag(value) {
  ensure(isTrue(value) || isFalse(value), "must be true or false");
  return isFalse(value) ? 0 : 1;
}

function extra(value = {}) {
  /** @type {unknown} */
  let object = value;
  if (typeof value === "string") {
    try {
      object = JSON.parse(value);
    } catch {
      object = undefined;
    }
  }
  // Python exports a missing value as `null`.
  object ??= value === "null" ? {} : undefined;
  ensure(typeof object === "object" && !Array.isArray(object), "must be a JSON object");
  const json = JSON.stringify(object);
  ensure(json.length <= maxExtra, `must have at most ${maxExtra} characters`);
  return json;
}

function time(value) {
  const { milliseconds, problem } = readTime(value);
  ensure(problem === undefined, problem);
  return milliseconds;
}
