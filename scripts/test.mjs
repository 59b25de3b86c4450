// `npm test`: builds everything and runs all tests. With the name of a part, runs only that part:
//   native   unit tests, and all endpoints through the routes on real SQLite: `cargo test`
//   workerd  the built Worker on workerd, over HTTP: `node --test`
//   browser  the pages in a real browser, if there is one: `node --test`
//   scripts  the commands that deploy and operate Postern, against a simulated account: `node --test`

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { findBrowser } from "./lib/browser.mjs";
import { buildPrimitives } from "./lib/primitives.mjs";
import { Failure, main, root, run, say } from "./lib/run.mjs";
import { lockedInCi } from "./lib/tools.mjs";
import { buildRules } from "./lib/users/rules.mjs";

const parts = { native: testNatively, workerd: testOnWorkerd, browser: testInBrowser, scripts: testScripts };
/** Parts that cannot run on this machine. */
const skipped = [];

await main(async () => {
  const chosen = process.argv[2] ? [process.argv[2]] : Object.keys(parts);
  for (const part of chosen) {
    if (!parts[part]) throw new Failure(`Unknown part ${part}.`, `Choose one of: ${Object.keys(parts).join(", ")}.`);
    await parts[part]();
  }
  const passed = chosen.filter((part) => !skipped.includes(part));
  if (skipped.length > 0) say(`Not tested: ${skipped.join(", ")}; see above.`);
  say(`All tests passed (${passed.join(", ") || "none"}).`);
});

async function testNatively() {
  say("Running the native tests (about two minutes the first time).");
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
    // In CI, a skipped test would look like a passed one.
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
  say("Testing the commands that deploy and operate Postern (about two minutes).");
  await testWithNode("scripts");
}

async function testWithNode(part) {
  const folder = join("tests", part);
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs"));
  // Without a file, `node --test` would search other folders, or find nothing and pass.
  if (files.length === 0) throw new Failure(`${folder} contains no tests.`, "Restore the folder from git.");
  await run("node", ["--test", "--test-reporter=spec", ...files.sort().map((name) => join(folder, name))], {
    advice: `Fix what failed above. \`npm run test:${part}\` runs only this part.`,
  });
}
