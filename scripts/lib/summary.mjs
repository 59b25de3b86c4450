// What a job on GitHub shows beside its log.

import { appendFileSync } from "node:fs";

/** Adds a section about a deployment to the summary of the job, where there is one. */
export function summarise({ config, environment, deployed, size, rollback }) {
  const path = process.env.GITHUB_STEP_SUMMARY;
  if (!path) return;
  const lines = [
    `### ${config.name} (${environment})`,
    `- Version \`${deployed.version}\` answers on ${deployed.address}.`,
    `- ${size}`,
    ...(rollback ? [`- Back to the version before it: \`${rollback}\``] : []),
  ];
  appendFileSync(path, `${lines.join("\n")}\n`);
}
