// Writes exported users to a file, which appears only once it is complete.

import { once } from "node:events";
import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { extname } from "node:path";
import { finished } from "node:stream/promises";
import { Failure } from "../run.mjs";
import { exportedColumns as columns } from "./origin.mjs";

const writers = {
  ".csv": {
    head: `${columns.join(",")}\n`,
    line: (user) => `${columns.map((column) => csvField(user[column])).join(",")}\n`,
  },
  ".jsonl": { head: "", line: (user) => `${JSON.stringify(user)}\n` },
};

/**
 * @param {string} path
 * @param {AsyncIterable<object>} users
 * @param {(count: number) => void} [onProgress]
 * @returns {Promise<number>} The number of users written.
 */
export async function writeUsers(path, users, onProgress = () => {}) {
  const writer = writers[extname(path).toLowerCase()];
  if (!writer)
    throw new Failure(
      `The format of ${path} is not supported.`,
      `The file name must end in one of ${Object.keys(writers).join(", ")}.`,
    );
  if (existsSync(path)) throw new Failure(`${path} already exists.`, "Choose another name, or remove it.");

  const aside = `${path}.partial`;
  rmSync(aside, { force: true });
  // The file contains password hashes.
  const file = createWriteStream(aside, { mode: 0o600 });
  let count = 0;
  file.write(writer.head);
  for await (const user of users) {
    if (!file.write(writer.line(user))) await once(file, "drain");
    count += 1;
    if (count % 1000 === 0) onProgress(count);
  }
  file.end();
  await finished(file);
  renameSync(aside, path);
  return count;
}

function csvField(value) {
  const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  // Prevents spreadsheets from running the cell as a formula. An import removes the `'`.
  return quoted(/^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text);
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
