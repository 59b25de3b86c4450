// `npm run audit`: checks the crates for known vulnerabilities, licenses, duplicate versions and sources (deny.toml), and
// the npm packages for known vulnerabilities. Not part of `npm test`, because the result changes whenever a vulnerability
// is published.
//
// Exit codes: 0 if the audit is complete and found nothing, 1 if it found something, 2 if it found nothing but a
// vulnerability database could not be reached.

import { ask, Failure, main, run, runSilently, say } from "./lib/run.mjs";
import { installCargoDeny } from "./lib/tools.mjs";

const unchecked = [];

await main(async () => {
  const deny = await installCargoDeny();

  say("Checking licenses, duplicate versions and sources of the crates.");
  await run(deny, ["--all-features", "check", "bans", "licenses", "sources"], {
    advice: "Fix the problems above, or add an exception with its reason to deny.toml.",
  });

  await auditCrates(deny);
  await auditPackages();

  if (unchecked.length === 0) return say("The audit found nothing.");
  console.error(`\n✘ The audit is INCOMPLETE. Not checked: ${unchecked.join("; ")}.`);
  console.error("  Run `npm run audit` where these can be reached. All other checks passed.");
  process.exitCode = 2;
});

async function auditCrates(deny) {
  say("Checking the crates for known vulnerabilities (RustSec).");
  if (ask(deny, ["fetch", "db"]) === null) {
    unchecked.push("vulnerabilities of the crates (github.com/RustSec/advisory-db could not be fetched)");
    return console.log("  The database could not be fetched.");
  }
  await run(deny, ["--all-features", "check", "--disable-fetch", "advisories"], {
    advice: "Update these crates, or add an exception to deny.toml with the reason why the Worker is not affected.",
  });
}

async function auditPackages() {
  say("Checking the npm packages, which build and test the Worker, for known vulnerabilities.");
  const { stdout } = runSilently("npm", ["audit", "--json"]);
  const found = counts(stdout);
  if (!found) {
    unchecked.push("vulnerabilities of the npm packages (the registry did not respond)");
    return console.log("  The registry did not respond.");
  }
  if (found.total > 0) {
    throw new Failure(
      `${found.total} of the npm packages are vulnerable.`,
      "Run `npm audit` to list them, and `npm update` to update them.",
    );
  }
}

/** Returns the numbers of vulnerable packages in a report, or undefined if it is not a report. */
function counts(report) {
  try {
    return JSON.parse(report).metadata?.vulnerabilities;
  } catch {
    return undefined;
  }
}
