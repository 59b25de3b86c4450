// Checks the settings of a deployment before it is made. The built Worker does it, so that its rules exist only once.

import { generateKeyPairSync } from "node:crypto";
import { settingsProblems } from "./events.mjs";
import { Failure } from "./run.mjs";
import { withWorker } from "./worker.mjs";

/**
 * Returns the problems that the Worker finds in its settings. None of them quotes a secret. Secrets that only the deployment
 * knows are replaced by a text that every secret may have.
 *
 * @returns {Promise<{setting: string, kind: "missing" | "invalid", message: string}[]>}
 */
export function checkSettings({ vars, secrets, keptSecrets }) {
  const placeholders = Object.fromEntries(keptSecrets.map((name) => [name, placeholder(name)]));
  return withWorker({ ...vars, ...placeholders, ...secrets }, async ({ fetch, failures }) => {
    const response = await fetch("/health");
    if (response.ok) return [];
    const problems = settingsProblems(failures);
    if (problems.length > 0) return problems;
    const cause = failures.join("\n") || `/health returns ${response.status}`;
    throw new Failure(`The Worker does not start on this machine: ${cause}`, "`npm test` says more.");
  });
}

function placeholder(name) {
  if (name !== "APPLE_PRIVATE_KEY") return `the-deployment-has-one-already-${name}`;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
