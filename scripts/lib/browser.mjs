// Where the browser is in which the pages are tested. Run as a program, it fails where there is none.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

const programs = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** The path of the browser: what CHROMIUM says, or the first that is on the PATH. Nothing where there is none. */
export function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exit(findBrowser() ? 0 : 1);
