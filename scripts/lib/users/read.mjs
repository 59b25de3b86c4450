// Reads the users of a file one after the other, whatever kind of file it is. Yields, for each, where it stands and
// either what stands there, with the names that it has there, or what is wrong with it.

import { createReadStream, readFileSync } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { parse as parseCsv } from "csv-parse";
import { Failure } from "../run.mjs";

const readers = {
  ".csv": readCsv,
  ".jsonl": readJsonLines,
  ".ndjson": readJsonLines,
  ".json": readJson,
  ".db": readSqlite,
  ".sqlite": readSqlite,
  ".sqlite3": readSqlite,
};

/** @returns {AsyncGenerator<{place: string, record?: object, fault?: string}>} */
export function readRecords(path) {
  const read = readers[extname(path).toLowerCase()];
  if (read) return read(path);
  throw new Failure(`${path} is of no kind that can be read.`, `Its name must end in one of ${Object.keys(readers).join(", ")}.`);
}

async function* readCsv(path) {
  const rows = createReadStream(path).pipe(parseCsv({ bom: true, columns: true, info: true, relax_column_count: true, skip_empty_lines: true }));
  for await (const { record, info } of rows) {
    const place = `line ${info.lines}`;
    yield info.error ? { place, fault: "has not as many columns as the first line" } : { place, record };
  }
}

async function* readJsonLines(path) {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number += 1;
    const place = `line ${number}`;
    const text = line.replace(/^\uFEFF/, "").trim();
    if (text === "") continue;
    yield { place, ...parseObject(text) };
  }
}

function parseObject(text) {
  try {
    const record = JSON.parse(text);
    return record !== null && typeof record === "object" && !Array.isArray(record) ? { record } : { fault: "is no JSON object" };
  } catch {
    return { fault: "is no JSON" };
  }
}

/** One document: a list of users, or an object that has one as `users`. It alone is read whole. */
async function* readJson(path) {
  let document;
  try {
    document = JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new Failure(`${path} cannot be read as JSON: ${error.message}`, "One JSON object a line belongs into a file whose name ends in .jsonl.");
  }
  const users = Array.isArray(document) ? document : document?.users;
  if (!Array.isArray(users)) throw new Failure(`${path} has no list of users.`, "It must be a list, or an object with the list as `users`.");
  for (const [index, record] of users.entries()) {
    const place = `user ${index + 1}`;
    yield record !== null && typeof record === "object" ? { place, record } : { place, fault: "is no JSON object" };
  }
}

/** A table `users`, or the tables `user` and `account` of Better Auth. */
async function* readSqlite(path) {
  const { DatabaseSync } = await import("node:sqlite");
  let database;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')").all().map(({ name }) => name);
    const query = tables.includes("users")
      ? "SELECT * FROM users"
      : tables.includes("user") && tables.includes("account")
        ? `SELECT user.*, account.password FROM user LEFT JOIN account ON account.userId = user.id AND account.providerId = 'credential'`
        : undefined;
    if (!query) throw new Error("there is no table `users`, and not both `user` and `account`");
    let number = 0;
    for (const row of database.prepare(query).iterate()) {
      number += 1;
      yield { place: `row ${number}`, record: { ...row } };
    }
  } catch (error) {
    throw new Failure(`${path} cannot be read as an SQLite database of users: ${error.message}.`, "Give the database file itself.");
  } finally {
    database?.close();
  }
}
