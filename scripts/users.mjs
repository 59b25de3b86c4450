// `npm run users -- import FILE` and `npm run users -- export FILE`: imports and exports users of the local database or,
// with --remote, of a deployment. docs/moving.md describes the files and options.

import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openDatabase, serviceName } from "./lib/d1.mjs";
import { Failure, main, run, say } from "./lib/run.mjs";
import { localSettings } from "./lib/settings.mjs";

const usage =
  "npm run users -- import|export FILE [--remote] [--env NAME] [--persist-to FOLDER] [--firebase-hash-config FILE] [--role THEIRS=OURS] [--shorten-names] [--rejects FILE] [--dry-run]";

await main(async () => {
  const { command, file, options } = chosen();
  const move = command === "import" ? importFrom : exportTo;

  if (command === "import" && !options.remote) await migrate(options);
  const database = await openDatabase({
    remote: options.remote,
    environment: options.env,
    persistTo: options["persist-to"],
  });
  try {
    await move(database, file, options);
  } finally {
    await database.close();
  }
});

/** Migrates the local database, which is empty in a fresh clone. `npm run deploy` migrates the database of a deployment. */
async function migrate(options) {
  say("Applying migrations to the local database (a few seconds).");
  const place = [
    ...(options.env ? ["--env", options.env] : []),
    ...(options["persist-to"] ? ["--persist-to", options["persist-to"]] : []),
  ];
  await run("wrangler", ["d1", "migrations", "apply", "DB", "--local", ...place], {
    // Without a terminal, wrangler does not ask for confirmation.
    stdio: ["ignore", "ignore", "inherit"],
    problem: "The migrations could not be applied.",
    advice: "Run `npx wrangler d1 migrations apply DB --local` to see which one fails.",
  });
}

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
        "dry-run": { type: "boolean" },
      },
    });
    const [command, file, ...others] = positionals;
    if (!["import", "export"].includes(command) || !file || others.length > 0)
      throw new Error("Give `import` or `export`, and one file.");
    return { command, file, options };
  } catch (error) {
    throw new Failure(error.message, usage);
  }
}

async function importFrom(database, file, options) {
  const { importUsers, countUsers } = await import("./lib/users/move.mjs");
  const { readHashConfig } = await import("./lib/users/origin.mjs");
  const { readRecords } = await import("./lib/users/read.mjs");
  if (!existsSync(file)) throw new Failure(`${file} does not exist.`, usage);
  if (options.rejects && existsSync(options.rejects))
    throw new Failure(`${options.rejects} already exists.`, "Choose another name, or remove it.");

  const where = `the ${options.remote ? "deployed" : "local"} database`;
  say(
    options["dry-run"]
      ? `Checking the users of ${file} against ${where}. Nothing is written.`
      : `Importing users from ${file} into ${where}.`,
  );
  const config = options["firebase-hash-config"];
  const rejects = options.rejects;
  // The file contains password hashes. It must not replace another file.
  if (rejects) writeFileSync(rejects, "", { mode: 0o600, flag: "wx" });
  const secrets = secretsOf(options);
  const count = await importUsers(database, () => readRecords(file), {
    hashConfig: config && readHashConfig(config),
    secrets,
    serviceName: await serviceName(options.env),
    roles: rolesOf(options.role),
    shortenNames: options["shorten-names"],
    dryRun: options["dry-run"],
    onInvalid: (place, problem, record) => {
      console.error(`  ${place}: ${problem}`);
      if (rejects && record) appendFileSync(rejects, `${JSON.stringify(record)}\n`);
    },
    onNote: (place, note) => console.error(`  ${place}: ${note}`),
    onProgress: progress("read"),
  });
  say(
    `${number(count.imported)} users ${options["dry-run"] ? "would be imported" : "imported"}, ${number(count.present)} already existed, ` +
      `${number(count.invalid)} were rejected. ` +
      `${number(count.referrers)} referrers set, ${number(count.missingReferrers)} not found, ${number(count.cyclicReferrers)} in a cycle. ` +
      `${number(count.withoutPassword)} users have no password. ${number(count.knownDefaults)} admins must change a known or untested password.`,
  );
  if (count.withSecondFactor > 0) {
    console.log(
      `  ${number(count.withSecondFactor)} of the imported users have an authenticator app or passkeys. Passkeys work only on the domain on which they were added.`,
    );
    if (!secrets)
      console.log(
        "  Authenticator apps and recovery codes work only if AUTH_SECRET or AUTH_SECRET_PREVIOUS is the secret of the service that exported them. Set both in the environment of this command to check that.",
      );
  }
  if (count.lostSecondFactor > 0)
    console.log(
      `  ${number(count.lostSecondFactor)} of the imported users had a second factor or a passkey that cannot be moved. They are listed above.`,
    );
  if (count.silent > 0)
    console.log(
      `  The file does not say whether ${number(count.silent)} of the imported users had a second factor: see docs/moving.md.`,
    );
  const columns = (counts) =>
    Object.entries(counts)
      .map(([column, values]) => `${column} (${number(values)})`)
      .join(", ");
  if (Object.keys(count.kept).length > 0) console.log(`  Kept in \`extra\`, by column: ${columns(count.kept)}.`);
  if (Object.keys(count.left).length > 0) console.log(`  Not imported, by column: ${columns(count.left)}.`);
  if (options["dry-run"]) console.log("  A dry run does not check referrers.");
  else {
    const { admins } = await countUsers(database);
    if (admins === 0) {
      console.error(
        "  There is no active admin, and the default admin is created only in an empty database. Import an admin, or set a user's role to `admin`.",
      );
    }
  }
  if (count.cyclicReferrers > 0 && count.invalid === 0) {
    throw new Failure(
      `${number(count.cyclicReferrers)} referrers were not set.`,
      "These users invite each other in a cycle. Correct the file and run the import again.",
    );
  }
  if (count.invalid > 0) {
    const problem = options["dry-run"] ? "users would not be imported." : "users were not imported.";
    throw new Failure(
      `${number(count.invalid)} ${problem}`,
      "Correct the rows above and run the import again. Existing users are left unchanged.",
    );
  }
}

/** Returns the secrets of the service, if they are known here. Those of a deployment cannot be read from it. */
function secretsOf(options) {
  const { AUTH_SECRET, AUTH_SECRET_PREVIOUS } = options.remote ? process.env : localSettings({});
  const given = [AUTH_SECRET, AUTH_SECRET_PREVIOUS].map((secret) => secret?.trim()).filter(Boolean);
  return given.length > 0 ? given : undefined;
}

function rolesOf(pairs = []) {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [theirs, ours, ...more] = pair.split("=");
      if (!theirs || !ours || more.length > 0)
        throw new Failure(`--role ${pair} does not have the form THEIRS=OURS.`, usage);
      return [theirs.toLowerCase(), ours];
    }),
  );
}

async function exportTo(database, file, options) {
  const { exportUsers } = await import("./lib/users/move.mjs");
  const { writeUsers } = await import("./lib/users/write.mjs");
  say(`Exporting the users of the ${options.remote ? "deployed" : "local"} database to ${file}.`);
  const count = await writeUsers(file, exportUsers(database), progress("written"));
  say(
    `${number(count)} users written. The file contains password hashes and second factors: protect it like the database.`,
  );
}

/** Prints a line for every 10,000 users. */
function progress(done) {
  let reported = 0;
  return (count) => {
    if (count - reported < 10_000) return;
    reported = count;
    console.log(`  ${number(count)} users ${done}.`);
  };
}

function number(count) {
  return count.toLocaleString("en");
}
