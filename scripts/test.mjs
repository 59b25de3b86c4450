// Every test, from nothing: `npm test`. With the argument `native` or `workerd`, that part alone.
//   native   the rules, and all endpoints through the routes on real SQLite: `cargo test`
//   workerd  the built Worker on the real runtime, over HTTP: `node --test`
//   scripts  the commands that deploy and look after it, with an account of the tests' own: `node --test`

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { buildPrimitives } from "./lib/primitives.mjs";
import { Failure, main, root, run, say } from "./lib/run.mjs";
import { lockedInCi } from "./lib/tools.mjs";

const parts = { native: testNatively, workerd: testOnWorkerd, scripts: testScripts };

await main(async () => {
  const chosen = process.argv[2] ? [process.argv[2]] : Object.keys(parts);
  for (const part of chosen) {
    if (!parts[part]) throw new Failure(`There is no part ${part}.`, `Choose one of: ${Object.keys(parts).join(", ")}.`);
    await parts[part]();
  }
  say(`All tests passed (${chosen.join(", ")}).`);
});

async function testNatively() {
  say("Testing natively (about two minutes the first time).");
  await run("cargo", ["test", ...lockedInCi], { advice: "Mend what failed above; `npm run test:native` runs this part alone." });
}

async function testOnWorkerd() {
  await build();
  await buildPrimitives();
  say("Testing the built Worker on workerd (about one minute).");
  await testWithNode("workerd");
}

async function testScripts() {
  await build();
  say("Testing the commands that deploy and look after it (about two minutes).");
  await testWithNode("scripts");
}

async function testWithNode(part) {
  const folder = join("tests", part);
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs"));
  // Without a file, `node --test` would look elsewhere, or find nothing and be content.
  if (files.length === 0) throw new Failure(`There is no test in ${folder}.`, "Take the tests from git.");
  await run("node", ["--test", "--test-reporter=spec", ...files.sort().map((name) => join(folder, name))], {
    advice: `Mend what failed above; \`npm run test:${part}\` runs this part alone.`,
  });
}
