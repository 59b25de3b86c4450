// Stands between a script and the net: /health of what is deployed in the account of the test, and nothing else.

import { readFileSync } from "node:fs";

globalThis.fetch = async (address) => {
  const { host, pathname } = new URL(address);
  const { workers, health } = JSON.parse(readFileSync(process.env.FAKE_ACCOUNT, "utf8"));
  const [name, ...domain] = host.split(".");
  const worker = domain.join(".") === "example.workers.dev" && workers[name];
  if (pathname !== "/health" || !worker) throw new Error(`no test reaches ${address}`);
  return new Response(JSON.stringify({ status: "ok", deployment: worker.version, ...health.body }), { status: health.status });
};
