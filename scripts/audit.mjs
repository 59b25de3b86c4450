// What the Worker is made of: known vulnerabilities, licences, second versions and sources of its crates (deny.toml),
// and known vulnerabilities of the npm packages. Ends with 0 if all of it was looked at and is in order, with 1 if
// something is not, and with 2 if nothing wrong was found but a list of vulnerabilities could not be had: it is not
// part of `npm test`, because it depends on what others have published since.

import { ask, Failure, main, run, runSilently, say } from "./lib/run.mjs";
import { installCargoDeny } from "./lib/tools.mjs";

const notLookedAt = [];

await main(async () => {
  const deny = await installCargoDeny();

  say("Licences, second versions and sources of the crates.");
  await run(deny, ["--all-features", "check", "bans", "licenses", "sources"], {
    advice: "Mend what is named above; what must be so is said in deny.toml, with its reason.",
  });

  await auditCrates(deny);
  await auditPackages();

  if (notLookedAt.length === 0) return say("The audit found nothing.");
  console.error(`\n✘ The audit is INCOMPLETE. Not looked at: ${notLookedAt.join("; ")}.`);
  console.error("  Run `npm run audit` where these can be reached. Everything else was looked at and is in order.");
  process.exitCode = 2;
});

async function auditCrates(deny) {
  say("Known vulnerabilities of the crates (RustSec).");
  if (ask(deny, ["fetch", "db"]) === null) {
    notLookedAt.push("vulnerabilities of the crates (github.com/RustSec/advisory-db could not be fetched)");
    return console.log("  The list could not be fetched.");
  }
  await run(deny, ["--all-features", "check", "--disable-fetch", "advisories"], {
    advice: "Update what is named above, or write into deny.toml why it does not touch the Worker.",
  });
}

async function auditPackages() {
  say("Known vulnerabilities of the npm packages, with which the Worker is built and tested.");
  const { stdout } = runSilently("npm", ["audit", "--json"]);
  const found = counts(stdout);
  if (!found) {
    notLookedAt.push("vulnerabilities of the npm packages (the registry did not answer the question)");
    return console.log("  The registry did not answer.");
  }
  if (found.total > 0) {
    throw new Failure(
      `${found.total} of the npm packages are vulnerable.`,
      "Run `npm audit` to see which, and `npm update` to mend them.",
    );
  }
}

/** How many vulnerable packages a report names; nothing if it is no report. */
function counts(report) {
  try {
    return JSON.parse(report).metadata?.vulnerabilities;
  } catch {
    return undefined;
  }
}
