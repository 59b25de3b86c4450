// `npm run costs`: counts anew what each call asks of D1, KV and the net, and writes the tables in docs/storage.md. The tests
// hold them, so a change of what a deployment pays is a change of the tables.

import { build } from "./build.mjs";
import { main, run, say } from "./lib/run.mjs";
import { lockedInCi } from "./lib/tools.mjs";

await main(async () => {
  const options = {
    env: { ...process.env, WRITE_COSTS: "1" },
    advice: "Mend what failed above and run `npm run costs` again.",
  };
  await build();
  say("Counting statements and round trips (about two minutes the first time).");
  await run("cargo", ["test", ...lockedInCi, "--test", "api", "costs::"], options);
  say("Counting rows and sub-requests (some seconds).");
  await run("node", ["--test", "--test-reporter=spec", "tests/workerd/costs.test.mjs"], options);
  say("docs/storage.md has the tables: look at what `git diff` says of them.");
});
