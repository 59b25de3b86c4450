// `npm run users -- import FILE` and `npm run users -- export FILE`: users into and out of the database of this machine or,
// with --remote, of a deployment. docs/moving.md says which files there are.

import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openDatabase } from "./lib/d1.mjs";
import { Failure, main, say } from "./lib/run.mjs";

const usage = "npm run users -- import|export FILE [--remote] [--env NAME] [--persist-to FOLDER] [--firebase-hash-config FILE] [--role THEIRS=OURS] [--shorten-names] [--rejects FILE]";

await main(async () => {
  const { command, file, options } = chosen();
  const move = command === "import" ? importFrom : exportTo;

  const database = await openDatabase({ remote: options.remote, environment: options.env, persistTo: options["persist-to"] });
  try {
    await move(database, file, options);
  } finally {
    await database.close();
  }
});

function chosen() {
  try {
    const { values: options, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        remote: { type: "boolean" },
        env: { type: "string" },
        "persist-to": { type: "string" },
        "firebase-hash-config": { type: "string" },
        role: { type: "string", multiple: true },
        "shorten-names": { type: "boolean" },
        rejects: { type: "string" },
      },
    });
    const [command, file, ...others] = positionals;
    if (!["import", "export"].includes(command) || !file || others.length > 0) throw new Error("It takes `import` or `export`, and one file.");
    return { command, file, options };
  } catch (error) {
    throw new Failure(error.message, usage);
  }
}

async function importFrom(database, file, options) {
  const { importUsers, countUsers } = await import("./lib/users/move.mjs");
  const { readHashConfig } = await import("./lib/users/origin.mjs");
  const { readRecords } = await import("./lib/users/read.mjs");
  if (!existsSync(file)) throw new Failure(`There is no ${file}.`, usage);
  if (options.rejects && existsSync(options.rejects)) throw new Failure(`${options.rejects} exists already.`, "Choose another name, or remove it.");

  say(`Importing users from ${file} into the database of ${options.remote ? "the deployment" : "this machine"}.`);
  const config = options["firebase-hash-config"];
  const rejects = options.rejects;
  // It has the hashes of the users in it. It must not replace another file.
  if (rejects) writeFileSync(rejects, "", { mode: 0o600, flag: "wx" });
  const count = await importUsers(database, () => readRecords(file), {
    hashConfig: config && readHashConfig(config),
    roles: rolesOf(options.role),
    shortenNames: options["shorten-names"],
    onFault: (place, problem, record) => {
      console.error(`  ${place}: ${problem}`);
      if (rejects && record) appendFileSync(rejects, `${JSON.stringify(record)}\n`);
    },
    onNote: (place, note) => console.error(`  ${place}: ${note}`),
    onProgress: progress("read"),
  });
  say(
    `${number(count.imported)} users imported, ${number(count.present)} were there already, ${number(count.faulty)} are faulty and left out. ` +
      `${number(count.referrers)} referrers set, ${number(count.missingReferrers)} are not among the users, ${number(count.refusedReferrers)} form a ring. ` +
      `${number(count.withoutPassword)} have no password.`,
  );
  const { admins } = await countUsers(database);
  if (admins === 0) console.error("  Nobody among the users is an active admin, and no default admin is made where there are users.");
  if (count.refusedReferrers > 0 && count.faulty === 0) {
    throw new Failure(`${number(count.refusedReferrers)} referrers are not set.`, "They form a ring: correct them in the file, and run it again.");
  }
  if (count.faulty > 0) {
    throw new Failure(`${number(count.faulty)} users are not imported.`, "Mend what is named above, and run it again: who is there already stays as they are.");
  }
}

function rolesOf(pairs = []) {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [theirs, ours, ...more] = pair.split("=");
      if (!theirs || !ours || more.length > 0) throw new Failure(`--role ${pair} is not of the form THEIRS=OURS.`, usage);
      return [theirs.toLowerCase(), ours];
    }),
  );
}

async function exportTo(database, file, options) {
  const { exportUsers } = await import("./lib/users/move.mjs");
  const { writeUsers } = await import("./lib/users/write.mjs");
  say(`Exporting the users of ${options.remote ? "the deployment" : "this machine"} to ${file}.`);
  const count = await writeUsers(file, exportUsers(database), progress("written"));
  say(`${number(count)} users written. The file has the hash of every password: keep it as you keep the database.`);
}

/** A line for every ten thousand. */
function progress(done) {
  let told = 0;
  return (count) => {
    if (count - told < 10_000) return;
    told = count;
    console.log(`  ${number(count)} users ${done}.`);
  };
}

function number(count) {
  return count.toLocaleString("en");
}
