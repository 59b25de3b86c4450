// Installs Schemathesis, which tests a service against its OpenAPI description. It is a Python program and gets its own virtual
// environment in the user's cache folder, once per machine and version.

import { join } from "node:path";
import { ask, Failure, run, say } from "./run.mjs";
import { cacheFolder } from "./tools.mjs";

const version = "4.32.5";

/** Returns the path of the program, installing it first if needed. */
export async function installSchemathesis() {
  const home = join(cacheFolder(), `schemathesis-${version}`);
  const programs = join(home, process.platform === "win32" ? "Scripts" : "bin");
  const program = join(programs, "schemathesis");
  if (works(program)) return program;

  const python = ["python3", "python"].find(
    (name) => ask(name, ["-c", "import sys, venv; assert sys.version_info >= (3, 10)"]) !== null,
  );
  if (!python) {
    throw new Failure(
      "Schemathesis needs Python 3.10 or newer with the module venv.",
      "Install it from https://www.python.org or your system's packages (Debian: python3-venv), and try again.",
    );
  }
  say(`Installing Schemathesis ${version} (about 30 seconds, once per machine).`);
  await run(python, ["-m", "venv", "--clear", home], {
    advice: "Install the Python module venv (Debian: python3-venv).",
  });
  await run(
    join(programs, "python"),
    ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `schemathesis==${version}`],
    {
      advice: "Check that PyPI is reachable, and try again.",
    },
  );
  if (!works(program))
    throw new Failure("Schemathesis was installed but does not run.", `Run \`${program} --version\` to see why.`);
  return program;
}

function works(program) {
  return ask(program, ["--version"])?.includes(version) ?? false;
}
