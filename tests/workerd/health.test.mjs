import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

test("GET /health returns 200 and the version when D1 and KV respond", async () => {
  const response = await postern.fetch("/health");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^application\/json/);
  const { status, version, deployment, migrations, ...rest } = await response.json();
  assert.deepEqual([status, rest], ["ok", {}]);
  assert.match(version, /^\d+\.\d+\.\d+/);
  assert.ok(typeof deployment === "string" && deployment.length > 0, deployment);
  assert.equal(migrations, null, "not migrated by wrangler");
});
