// Runs a script of this project on its own Node: `node scripts/on-project-node.mjs scripts/start.mjs`. Every npm script that
// runs a file starts this way. In a fresh clone the Node that runs this is the system's, and may lack what the script imports. So
// this file and what it imports use only what the oldest version in package.json ("engines") has, and the script is
// imported only on a Node that is new enough. Held by tests/scripts/first-start.test.mjs.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { continueOnProjectNode, installPackages } from "./lib/packages.mjs";
import { main } from "./lib/run.mjs";

const script = resolve(process.argv[2]);
// As if it had been started without this file.
process.argv.splice(1, 2, script);

await main(async () => {
  await installPackages();
  await continueOnProjectNode();
});
await import(pathToFileURL(script).href);
