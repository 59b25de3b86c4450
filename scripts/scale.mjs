// `npm run scale`: measures the cost of every call, applies Cloudflare's published limits and prices
// (scripts/lib/scale/platform.json), simulates the queue in front of one D1 database, and writes docs/scale.md. Needs Linux, and
// an idle machine for some minutes.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { main, root, say } from "./lib/run.mjs";

await main(async () => {
  await build();
  const { measure } = await import("./lib/scale/measure.mjs");
  const { page } = await import("./lib/scale/page.mjs");

  say("Measuring every call on workerd (a few minutes).");
  const measured = await measure({ onProgress: (name) => console.log(`  ${name}`) });
  const platform = JSON.parse(readFileSync(new URL("./lib/scale/platform.json", import.meta.url), "utf8"));
  const text = page(measured, platform);
  writeFileSync(join(root, "docs", "scale.md"), text);
  console.log(`\n${text}`);
  say("Wrote docs/scale.md.");
});
