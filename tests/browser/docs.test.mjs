// The API reference at /docs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { visit } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

test("the reference shows every path of the OpenAPI description and loads nothing from other origins", async () => {
  const { paths } = await (await postern.fetch("/api/auth/openapi.json")).json();
  const { page, leave } = await visit(browser, postern);
  const foreign = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(postern.url) && !request.url().startsWith("data:")) foreign.push(request.url());
  });
  await page.goto("/docs");
  for (const path of Object.keys(paths)) await page.locator(`[data-path="${path}"]`).first().waitFor();
  assert.deepEqual(foreign, []);
  await leave();
});

test("a call can be tried out on the page", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/docs");
  const call = page.locator(".opblock", { has: page.locator('[data-path="/api/auth/jwks"]') });
  await call.locator(".opblock-summary-control").click();
  await call.getByRole("button", { name: "Try it out" }).click();
  await call.getByRole("button", { name: "Execute" }).click();
  await call.locator(".live-responses-table").getByText('"kty"').first().waitFor();
  await leave();
});
