// The npm packages: installed when they are missing or out of date, before a script needs them.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { root, run, say } from "./run.mjs";

/** Installs the packages of the project, or those of a folder with its own package.json. */
export async function installPackages(folder = ".") {
  const installed = join(root, folder, "node_modules", ".package-lock.json");
  const wanted = join(root, folder, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  say(`Installing the npm packages of ${join(folder, "package-lock.json")} (about half a minute).`);
  await run("npm", ["ci"], {
    cwd: join(root, folder),
    advice: "Check that the npm registry can be reached, then run `npm ci` to see all of its output.",
  });
}

/**
 * Starts the script again on the Node that the packages bring, if it runs on one that is too old for wrangler. That
 * happens on the first start in a clone, when npm could not put the packages' Node on the PATH yet.
 */
export async function continueOnProjectNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return;
  try {
    await run("node", process.argv.slice(1));
  } catch (error) {
    // The script has reported the error.
    if (error.code) process.exit(error.code);
    throw error;
  }
  process.exit(0);
}
