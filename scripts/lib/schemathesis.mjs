// Installs Schemathesis, which tests a service against its OpenAPI description. It is a Python program.

import { join } from "node:path";
import { ask, Failure } from "./run.mjs";
import { installPythonPackages } from "./python.mjs";

const version = "4.32.5";

/** Returns the path of the program, installing it first if needed. */
export async function installSchemathesis() {
  const programs = await installPythonPackages(`schemathesis-${version}`, [`schemathesis==${version}`]);
  const program = join(programs, "schemathesis");
  if (!ask(program, ["--version"])?.includes(version))
    throw new Failure("Schemathesis was installed but does not run.", `Run \`${program} --version\` to see why.`);
  return program;
}
