// The summary of a GitHub Actions job.

import { appendFileSync } from "node:fs";

/** Adds a section about a deployment to the job summary, if there is one. */
export function summarise({ config, environment, deployed, size, rollback }) {
  const path = process.env.GITHUB_STEP_SUMMARY;
  if (!path) return;
  const lines = [
    `### ${config.name} (${environment})`,
    `- Version \`${deployed.version}\` is live at ${deployed.address}.`,
    `- ${size}`,
    ...(rollback ? [`- To roll back to the previous version: \`${rollback}\``] : []),
  ];
  appendFileSync(path, `${lines.join("\n")}\n`);
}
