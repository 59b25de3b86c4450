// `npm run costs`: counts the D1, KV and network operations of each call and updates the tables in docs/storage.md. Tests compare
// the code with the tables, so every change of the costs shows up in the tables.

import { build } from "./build.mjs";
import { main, run, say } from "./lib/run.mjs";
import { lockedInCi } from "./lib/tools.mjs";

await main(async () => {
  const options = {
    env: { ...process.env, WRITE_COSTS: "1" },
    advice: "Fix what failed above and run `npm run costs` again.",
  };
  await build();
  say("Counting statements and round trips (about two minutes the first time).");
  await run("cargo", ["test", ...lockedInCi, "--test", "api", "costs::"], options);
  say("Counting rows and subrequests (a few seconds).");
  await run("node", ["--test", "--test-reporter=spec", "tests/workerd/costs.test.mjs"], options);
  say("Updated the tables in docs/storage.md. Review them with `git diff`.");
});
