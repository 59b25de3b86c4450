// The settings of a deployment, judged before it: by the Worker itself, so that its rules have no second home here.

import { Failure } from "./run.mjs";
import { withWorker } from "./worker.mjs";

/**
 * What the Worker finds wrong with its settings: a sentence for each problem, none of which quotes a secret. For secrets
 * that only the deployment knows something stands in that has the form of any of them.
 */
export function problemsOf({ vars, secrets, keptSecrets }) {
  const standIns = Object.fromEntries(keptSecrets.map((name) => [name, `the-deployment-has-one-already-${name}`]));
  return withWorker({ ...vars, ...standIns, ...secrets }, async ({ fetch, failures }) => {
    const answer = await fetch("/health");
    if (answer.ok) return [];
    const [, problems] = failures.join("\n").match(/the settings are wrong, every request is refused: (.*)/) ?? [];
    if (problems) return problems.split("; ");
    const said = failures.join("\n") || `it answers ${answer.status}`;
    throw new Failure(`The Worker does not start on this machine: ${said}`, "`npm test` says more.");
  });
}
