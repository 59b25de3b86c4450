// Runs a script with the Node of the project: `node scripts/on-project-node.mjs scripts/start.mjs`. Every npm script that runs a
// file starts this way. In a fresh clone this file runs on the system's Node, which may be too old for the script. So this file
// and its imports support the oldest version in package.json ("engines"), and the script is imported only by a Node that is
// new enough. tests/scripts/first-start.test.mjs tests this.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { continueOnProjectNode, installPackages } from "./lib/packages.mjs";
import { main } from "./lib/run.mjs";

const script = resolve(process.argv[2]);
// The script sees the arguments as if it had been started directly.
process.argv.splice(1, 2, script);

await main(async () => {
  await installPackages();
  await continueOnProjectNode();
});
await import(pathToFileURL(script).href);
