// Whether a user can be taken in: the rules of src/domain, src/crypto and the migrations, applied before anything is
// written, so that a faulty row is told with its place and stops no other.

import { randomUUID } from "node:crypto";
import { isFalse, isTrue } from "./origin.mjs";
import { readTime } from "./time.mjs";

/** Characters of the JSON of `extra`: as much as a request may have. */
const maxExtra = 16_384;

/** Characters of a name. */
export const maxName = 100;

const tiers = ["basic", "premium", "vip"];

/**
 * The hash of no password, as `password_hash::decoy` in src/crypto makes it: nobody gets in with it, and verifying it
 * takes as long as any other. Who has it sets a password by the link for a forgotten one.
 */
const noPassword = `$argon2id$v=19$m=19456,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;

/** The kinds of hash that `password_hash::verify` in src/crypto knows, with the most that each may cost. */
const hashes = [
  { form: /^\$argon2(?:id|i|d)(?:\$v=\d+)?\$m=(\d+),t=(\d+),p=\d+\$[\w+/.-]+\$[\w+/]+$/, most: [65_536, 16] },
  { form: /^\$2[aby]\$(\d\d)\$[\w./]{53}$/, most: [14] },
  { form: /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$[\w+/]+\$[\w+/]+$/, most: [18, 32, 16], memory: true },
  { form: /^\$fbscrypt\$v=1,n=(\d+),r=(\d+),p=(\d+),ss=[\w+/]*=*,sk=[\w+/]+=*\$[\w+/]*=*\$[\w+/]+=*$/, most: [18, 32, 16], memory: true },
  { form: /^[0-9a-f]{32}:[0-9a-f]{128}$/i, most: [] },
];

/**
 * @param {object} raw A user in the columns of the table, its values as they were found.
 * @returns {{user: object, faults: string[], hasId: boolean}} The user as it is stored, what is wrong with it, and whether it
 *   brought its id or got one here.
 */
export function check(raw, now = Date.now()) {
  const faults = [...(raw.problems ?? [])];
  const take = (column, read) => {
    try {
      return read(raw[column] === "" ? undefined : (raw[column] ?? undefined));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(`${column} ${error.message}`);
      return undefined;
    }
  };
  const user = {
    id: take("id", (value) => (value === undefined ? randomUUID() : text(value, 1, 128))),
    email: take("email", email),
    password_hash: take("password_hash", passwordHash),
    name: take("name", name),
    role: take("role", role),
    tier: take("tier", tier),
    is_active: take("is_active", (value = true) => flag(value)),
    is_verified: take("is_verified", (value = false) => flag(value)),
    must_change_password: take("must_change_password", (value = isDefaultAccount(raw.email)) => flag(value)),
    referrer_id: take("referrer_id", (value) => (value === undefined ? null : text(value, 1, 128))),
    extra: take("extra", extra),
    created_at: take("created_at", (value = now) => time(value)),
  };
  user.updated_at = take("updated_at", (value) => (value === undefined ? (user.created_at ?? now) : time(value)));
  return { user, faults, hasId: Boolean(raw.id), hasPassword: user.password_hash !== noPassword };
}

/** Tells an address apart without telling whose it is, as src/domain/email.rs does: `a***@example.com`. */
export function masked(address) {
  const trimmed = String(address ?? "").trim();
  const at = trimmed.lastIndexOf("@");
  return at < 0 ? `${trimmed.slice(0, 1)}***` : `${trimmed.slice(0, Math.min(1, at))}***@${trimmed.slice(at + 1)}`;
}

/** The account that lightnovel-crawler and Postern create at the first start. Its password may still be the known default. */
function isDefaultAccount(address) {
  return asciiLowerCase(String(address ?? "").trim()) === "admin";
}

/** Unlike `toLowerCase`, leaves look-alikes such as U+212A alone, so that they are refused. */
function asciiLowerCase(text) {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

class Fault extends Error {}

function refuse(unless, message) {
  if (!unless) throw new Fault(message);
}

function text(value, least, most) {
  refuse(typeof value === "string" || typeof value === "number", "must be text");
  const trimmed = String(value).trim();
  const length = [...trimmed].length;
  refuse(length >= least && length <= most, `must have ${least} to ${most} characters`);
  refuse(!/\p{Cc}/u.test(trimmed), "must not contain control characters");
  return trimmed;
}

function email(value) {
  const address = asciiLowerCase(String(value ?? "").trim());
  // The name of the default account.
  if (address === "admin") return address;
  const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
  const form = new RegExp(`^[a-z0-9!#$%&'*+/=?^_\`{|}~-]+(?:\\.[a-z0-9!#$%&'*+/=?^_\`{|}~-]+)*@${label}(?:\\.${label})+$`);
  refuse(form.test(address) && address.length <= 254 && address.lastIndexOf("@") <= 64, "must be an email address");
  return address;
}

function passwordHash(value) {
  if (value === undefined) return noPassword;
  refuse(typeof value === "string", "must be text");
  for (const { form, most, memory } of hashes) {
    const costs = value.match(form)?.slice(1).map(Number);
    if (!costs) continue;
    const isBearable = costs.every((cost, index) => cost > 0 && cost <= most[index]) && (!memory || 2 ** costs[0] * costs[1] <= 2 ** 18);
    refuse(isBearable, "costs more than a Worker can compute");
    refuse(!value.startsWith("$2") || costs[0] >= 4, "is of no kind that can be verified");
    refuse(!value.startsWith("$argon2") || isArgon2(value), "is of no kind that can be verified");
    return value;
  }
  throw new Fault("is of no kind that can be verified");
}

/** Whether argon2 computes with these parameters: lanes, and the lengths of salt and hash, within its bounds; canonical base64. */
function isArgon2(value) {
  const [salt, hash] = value.split("$").slice(-2);
  const [, memory, lanes] = value.match(/\$m=(\d+),t=\d+,p=(\d+)\$/).map(Number);
  const hasLength = (text, least, most) => {
    const bytes = Buffer.from(text, "base64");
    return bytes.length >= least && bytes.length <= most && bytes.toString("base64").replace(/=+$/, "") === text;
  };
  return lanes >= 1 && lanes <= 16 && memory >= 8 * lanes && hasLength(salt, 8, 48) && hasLength(hash, 10, 64);
}

function name(value) {
  return value === undefined || String(value).trim() === "" ? null : text(value, 1, maxName);
}

function role(value = "user") {
  const role = String(value).toLowerCase();
  refuse(["user", "admin"].includes(role), "must be user or admin");
  return role;
}

function tier(value = 0) {
  const named = tiers.indexOf(String(value).toLowerCase());
  const tier = named >= 0 ? named : Number(value);
  refuse([0, 1, 2].includes(tier), `must be 0, 1 or 2, or one of ${tiers.join(", ")}`);
  return tier;
}

function flag(value) {
  refuse(isTrue(value) || isFalse(value), "must be true or false");
  return isFalse(value) ? 0 : 1;
}

function extra(value = {}) {
  let object = value;
  if (typeof value === "string") {
    try {
      object = JSON.parse(value);
    } catch {
      object = undefined;
    }
  }
  // Python writes `null` for nothing.
  object ??= value === "null" ? {} : undefined;
  refuse(typeof object === "object" && !Array.isArray(object), "must be a JSON object");
  const json = JSON.stringify(object);
  refuse(json.length <= maxExtra, `must have at most ${maxExtra} characters`);
  return json;
}

function time(value) {
  const { milliseconds, problem } = readTime(value);
  refuse(problem === undefined, problem);
  return milliseconds;
}
