// Every test, from nothing: `npm test`. With the name of a part as its argument, that part alone.
//   native   the rules, and all endpoints through the routes on real SQLite: `cargo test`
//   workerd  the built Worker on the real runtime, over HTTP: `node --test`
//   browser  its pages in a real browser: `node --test`, where there is a browser
//   scripts  the commands that deploy and look after it, with an account of the tests' own: `node --test`

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { findBrowser } from "./lib/browser.mjs";
import { buildPrimitives } from "./lib/primitives.mjs";
import { Failure, main, root, run, say } from "./lib/run.mjs";
import { lockedInCi } from "./lib/tools.mjs";
import { buildRules } from "./lib/users/rules.mjs";

const parts = { native: testNatively, workerd: testOnWorkerd, browser: testInBrowser, scripts: testScripts };
/** Parts that could not be tested on this machine. */
const skipped = [];

await main(async () => {
  const chosen = process.argv[2] ? [process.argv[2]] : Object.keys(parts);
  for (const part of chosen) {
    if (!parts[part])
      throw new Failure(`There is no part ${part}.`, `Choose one of: ${Object.keys(parts).join(", ")}.`);
    await parts[part]();
  }
  const passed = chosen.filter((part) => !skipped.includes(part));
  if (skipped.length > 0) say(`Not tested: ${skipped.join(", ")}; see above.`);
  say(`All tests passed (${passed.join(", ") || "none"}).`);
});

async function testNatively() {
  say("Testing natively (about two minutes the first time).");
  await run("cargo", ["test", ...lockedInCi], {
    advice: "Fix what failed above. `npm run test:native` runs only this part.",
  });
}

async function testOnWorkerd() {
  await build();
  await buildPrimitives();
  await buildRules();
  say("Testing the built Worker on workerd (about one minute).");
  await testWithNode("workerd");
}

async function testInBrowser() {
  if (!findBrowser()) {
    const advice = "Install Chromium (Debian: `apt-get install chromium`), or set CHROMIUM to the path of one.";
    // Where nobody watches, a test that is left out looks like one that passed.
    if (process.env.CI) throw new Failure("The pages cannot be tested: there is no browser.", advice);
    say(`The pages are not tested: there is no browser.\n  ${advice}`);
    skipped.push("browser");
    return;
  }
  await build();
  say("Testing the pages in a browser (about two minutes).");
  await testWithNode("browser");
}

async function testScripts() {
  await build();
  await buildRules();
  say("Testing the commands that deploy and look after it (about two minutes).");
  await testWithNode("scripts");
}

async function testWithNode(part) {
  const folder = join("tests", part);
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs"));
  // Without a file, `node --test` would look elsewhere, or find nothing and be content.
  if (files.length === 0) throw new Failure(`There is no test in ${folder}.`, "Take the tests from git.");
  await run("node", ["--test", "--test-reporter=spec", ...files.sort().map((name) => join(folder, name))], {
    advice: `Fix what failed above. \`npm run test:${part}\` runs only this part.`,
  });
}
