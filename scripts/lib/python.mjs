// Python packages for tests. Each gets its own virtual environment in the user's cache folder, once per machine and version.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, Failure, run, say } from "./run.mjs";
import { cacheFolder } from "./tools.mjs";

/** Returns a Python that is new enough and can make virtual environments, or nothing. */
export function findPython() {
  const check = "import sys, ensurepip, venv; assert sys.version_info >= (3, 10)";
  return ["python3", "python"].find((name) => ask(name, ["-c", check]) !== null);
}

/**
 * Returns the folder with the programs of a virtual environment with these packages, installing it first if needed.
 *
 * @param {string} name The name of the environment. Another version of a package needs another name.
 * @param {readonly string[]} packages As for `pip install`.
 */
export async function installPythonPackages(name, packages) {
  const home = join(cacheFolder(), name);
  const programs = join(home, process.platform === "win32" ? "Scripts" : "bin");
  const complete = join(home, "complete");
  if (existsSync(complete)) return programs;

  const python = findPython();
  if (!python) {
    throw new Failure(
      `${name} needs Python 3.10 or newer with the module venv.`,
      "Install it from https://www.python.org or your system's packages (Debian: python3-venv), and try again.",
    );
  }
  say(`Installing ${name} (about 30 seconds, once per machine).`);
  await run(python, ["-m", "venv", "--clear", home], {
    advice: "Install the Python module venv (Debian: python3-venv).",
  });
  await run(join(programs, "python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], {
    advice: "Check that PyPI is reachable, and try again.",
  });
  writeFileSync(complete, "");
  return programs;
}
