// Writes exported users into a file, which is there only when it is whole.

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

/** @returns {Promise<number>} How many were written. */
export async function writeUsers(path, users, onProgress = () => {}) {
  const writer = writers[extname(path).toLowerCase()];
  if (!writer)
    throw new Failure(
      `${path} is of no kind that can be written.`,
      `Its name must end in one of ${Object.keys(writers).join(", ")}.`,
    );
  if (existsSync(path)) throw new Failure(`${path} is there already.`, "Choose another name, or remove it.");

  const aside = `${path}.partial`;
  rmSync(aside, { force: true });
  // It has the hash of every password.
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
  // A spreadsheet would run it as a formula. Import takes the `'` away again.
  return quoted(/^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text);
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
