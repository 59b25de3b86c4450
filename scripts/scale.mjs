// `npm run scale`: measures what every call takes, holds that against the limits and prices that the platform publishes
// (scripts/lib/scale/platform.json), simulates the queue in front of one D1, and writes docs/scale.md. Needs Linux, and some
// minutes of a machine that does nothing else.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { main, root, say } from "./lib/run.mjs";

await main(async () => {
  await build();
  const { measure } = await import("./lib/scale/measure.mjs");
  const { page } = await import("./lib/scale/page.mjs");

  say("Measuring every call on workerd (some minutes).");
  const measured = await measure({ onProgress: (name) => console.log(`  ${name}`) });
  const platform = JSON.parse(readFileSync(new URL("./lib/scale/platform.json", import.meta.url), "utf8"));
  const text = page(measured, platform);
  writeFileSync(join(root, "docs", "scale.md"), text);
  console.log(`\n${text}`);
  say("Written to docs/scale.md.");
});
