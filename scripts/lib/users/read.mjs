// Reads the users of a file one by one, in any supported format. Yields the place of each record with either the record, under
// the file's column names, or an error.

import { createReadStream, readFileSync } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { parse as parseCsv } from "csv-parse/sync";
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

/** @returns {AsyncGenerator<{place: string, record?: object, problem?: string}>} */
export function readRecords(path) {
  const read = readers[extname(path).toLowerCase()];
  if (read) return read(path);
  throw new Failure(
    `The format of ${path} is not supported.`,
    `The file name must end in one of ${Object.keys(readers).join(", ")}.`,
  );
}

/** Maximum lines and characters of a row with line breaks. */
const maxRowLines = 200;
const maxRowLength = 100_000;

/**
 * Reports an unreadable row with its first line and continues with the next line, so that a stray quote does not discard the
 * rest of the file.
 */
async function* readCsv(path) {
  let head;
  let delimiter = ",";
  for await (const { place, text = "", problem } of csvRows(path, () => ({ delimiter, columns: head?.length }))) {
    if (problem) {
      if (!head)
        throw new Failure(`The first line of ${path} ${problem}.`, "It must contain the column names, in UTF-8.");
      yield { place, problem };
      continue;
    }
    if (!head) {
      delimiter = [",", ";", "\t"].find((one) => text.includes(one)) ?? ",";
      head = rowOf(text, delimiter)?.map((column) => column.trim());
      if (!head)
        throw new Failure(`The first line of ${path} cannot be read as CSV.`, "It must contain the column names.");
      continue;
    }
    const row = rowOf(text, delimiter);
    if (row?.length !== head.length) yield { place, problem: "has a different number of columns than the first line" };
    else yield { place, record: Object.fromEntries(head.map((column, index) => [column, plainCell(row[index])])) };
  }
}

/** Yields the rows of a file. A row continues on the next line while a quote is open. */
async function* csvRows(path, shape) {
  const pending = [];
  let start = 0;
  const lines = linesOf(path)[Symbol.asyncIterator]();
  let isEnd = false;
  const peek = async (index) => {
    while (!isEnd && pending.length <= index) {
      const { value, done } = await lines.next();
      if (done) isEnd = true;
      else pending.push(value);
    }
    return pending[index];
  };
  while ((await peek(0)) !== undefined) {
    const place = `line ${start + 1}`;
    const { delimiter, columns } = shape();
    let text = "";
    let used = 0;
    let row;
    while (used < maxRowLines && text.length < maxRowLength) {
      const line = await peek(used);
      if (line === undefined) break;
      text += used === 0 ? line : `\n${line}`;
      used += 1;
      if (text.split('"').length % 2 === 0) continue;
      row = rowOf(text, delimiter);
      break;
    }
    const first = pending[0];
    // Lines that were joined by mistake have a different number of columns or do not parse.
    const isRow = row !== undefined && (used === 1 || columns === undefined || row.length === columns);
    const taken = isRow ? used : 1;
    pending.splice(0, taken);
    start += taken;
    if (first.includes("\uFFFD")) yield { place, problem: "is not in UTF-8: save the file as UTF-8" };
    else if (!isRow) yield { place, problem: "has a stray or unpaired quote" };
    else if (text.trim() !== "") yield { place, text };
  }
}

function rowOf(text, delimiter) {
  try {
    return parseCsv(text, { delimiter, relax_column_count: true })[0] ?? [""];
  } catch {
    return undefined;
  }
}

/** Removes the `'` that an export puts before a cell that a spreadsheet would run as a formula. */
function plainCell(cell) {
  return /^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

/** Yields lines that end in LF or CRLF. Values may contain Unicode's other line separators. */
async function* linesOf(path) {
  let rest = "";
  let isFirst = true;
  for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
    const lines = (rest + (isFirst ? chunk.replace(/^\uFEFF/, "") : chunk)).split("\n");
    isFirst = false;
    rest = lines.pop() ?? "";
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  if (rest !== "") yield rest.replace(/\r$/, "");
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
    return record !== null && typeof record === "object" && !Array.isArray(record)
      ? { record }
      : { problem: "is not a JSON object" };
  } catch {
    return { problem: "is not valid JSON" };
  }
}

/** Reads one document: a list of users, or an object with such a list as `users`. Unlike other formats, it is read at once. */
async function* readJson(path) {
  let document;
  try {
    document = JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new Failure(
      `${path} cannot be read as JSON: ${error.message}`,
      "If the file has one JSON object per line, rename it to end in .jsonl.",
    );
  }
  const users = Array.isArray(document) ? document : document?.users;
  if (!Array.isArray(users))
    throw new Failure(
      `${path} has no list of users.`,
      "It must be a JSON list, or an object with the list as `users`.",
    );
  for (const [index, record] of users.entries()) {
    const place = `user ${index + 1}`;
    yield record !== null && typeof record === "object"
      ? { place, record }
      : { place, problem: "is not a JSON object" };
  }
}

/** Reads a table `users`, or Better Auth's users and accounts under any of its naming schemes. */
async function* readSqlite(path) {
  const { DatabaseSync } = await importSqlite();
  let database;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
      .all()
      .map(({ name }) => name);
    const query = usersQuery(database, tables);
    if (!query) throw new Error("it has neither a table `users` nor the tables `user` and `account`");
    let number = 0;
    for (const row of database.prepare(query).iterate()) {
      number += 1;
      yield { place: `row ${number}`, record: { ...row } };
    }
  } catch (error) {
    throw new Failure(
      `${path} cannot be read as an SQLite database of users: ${error.message}.`,
      "Pass the database file itself.",
    );
  } finally {
    database?.close();
  }
}

function usersQuery(database, tables) {
  const columnsOf = (table) =>
    database
      .prepare("SELECT name FROM pragma_table_info(?)")
      .all(table)
      .map(({ name }) => name);
  const named = (columns, wanted) => columns.find((column) => column.toLowerCase().replaceAll("_", "") === wanted);
  const users = ["users", "user"].find((table) => tables.includes(table));
  if (!users) return undefined;
  const columns = columnsOf(users);
  const isBetterAuth = named(columns, "emailverified") !== undefined;
  if (!isBetterAuth) return users === "users" ? "SELECT * FROM users" : undefined;
  if (named(columns, "password")) throw new Error(`the Better Auth table \`${users}\` has a column for passwords`);

  const accounts = ["accounts", "account"].find((table) => tables.includes(table));
  const [userId, providerId, password] = ["userid", "providerid", "password"].map(
    (wanted) => accounts && named(columnsOf(accounts), wanted),
  );
  if (!userId || !providerId || !password) {
    throw new Error(
      `the table \`${users}\` is from Better Auth, but there is no accounts table with user, provider and password`,
    );
  }
  // The plugins for second factors and passkeys have tables of their own, whose rows cannot be moved.
  const factors = [];
  for (const [name, plural] of [
    ...(named(columns, "twofactorenabled") ? [] : [["twofactor", "twofactors"]]),
    ["passkey", "passkeys"],
  ]) {
    const table = tables.find((one) => [name, plural].includes(one.toLowerCase().replaceAll("_", "")));
    const owner = table && named(columnsOf(table), "userid");
    if (owner) factors.push(`, (SELECT count(*) FROM "${table}" WHERE "${owner}" = u.id) AS ${plural}`);
  }
  return `SELECT u.*, a."${password}" AS password${factors.join("")} FROM "${users}" AS u
    LEFT JOIN "${accounts}" AS a ON a."${userId}" = u.id AND a."${providerId}" = 'credential'`;
}

/** Loads `node:sqlite` without Node's warning that it is experimental. */
async function importSqlite() {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return await import("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}
