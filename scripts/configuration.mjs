// Writes the tables of docs/configuration.md and scripts/lib/settings.json from src/settings/table.rs. A test checks both.

import { main, run, say } from "./lib/run.mjs";

await main(async () => {
  say("Writing docs/configuration.md and scripts/lib/settings.json (about a minute if the crate has changed).");
  await run("cargo", ["test", "--quiet", "--test", "api", "the_documentation_and_the_scripts_know_every_setting"], {
    env: { ...process.env, WRITE_CONFIGURATION: "1" },
    advice: "Fix the problem above and run `npm run configuration` again.",
  });
});
