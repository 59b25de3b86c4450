// Replaces fetch in a script: serves /health of what is deployed in the test's account, and nothing else.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

globalThis.fetch = async (address) => {
  const { host, pathname } = new URL(address);
  const { workers, health } = JSON.parse(readFileSync(process.env.FAKE_ACCOUNT, "utf8"));
  const [name, ...domain] = host.split(".");
  const worker = domain.join(".") === "example.workers.dev" && workers[name];
  if (pathname !== "/health" || !worker) throw new Error(`no test reaches ${address}`);
  const deployment = createHash("sha256").update(worker.version).digest("hex").slice(0, 16);
  return new Response(JSON.stringify({ status: "ok", deployment, ...health.body }), { status: health.status });
};
