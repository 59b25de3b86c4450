import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

test("GET /health answers ok with status 200 when D1 and KV answer", async () => {
  const response = await postern.fetch("/health");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^application\/json/);
  assert.equal((await response.json()).status, "ok");
});
