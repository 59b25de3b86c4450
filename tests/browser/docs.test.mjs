// The API reference at /docs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { signUp } from "../workerd/support/client.mjs";
import { signIn, visit } from "./support/visitor.mjs";

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
  const call = page.locator("details.operation", { has: page.locator('[data-path="/api/auth/jwks"]') });
  await call.locator("summary").first().click();
  await call.getByRole("button", { name: "Send" }).click();
  await call.getByRole("status").getByText('"kty"').waitFor();
  await leave();
});

test("a call uses the session of the browser, and an error is shown as it is", async () => {
  await signUp(postern, "ada@example.com");
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "ada@example.com");
  await page.goto("/docs");
  await page.getByText("use your session as ada@example.com").waitFor();
  await page.getByLabel("Path or summary").fill("put /me/name");
  const call = page.locator("details.operation");
  assert.equal(await call.count(), 1);
  await call.locator("summary").first().click();
  await call.getByLabel("Body").fill('{"name": "Ada"}');
  await call.getByRole("button", { name: "Send" }).click();
  await call.getByRole("status").getByText("200").waitFor();
  assert.deepEqual(await postern.sql("SELECT name FROM users WHERE email = 'ada@example.com'"), [{ name: "Ada" }]);
  await call.getByLabel("Body").fill('{"name": 1}');
  await call.getByRole("button", { name: "Send" }).click();
  await call.getByRole("status").getByText('"code": "invalid_fields"').waitFor();
  await leave();
});

test("a call acts only for the user that the page names", async () => {
  const { user } = await signUp(postern, "bob@example.com");
  const { page, leave } = await visit(browser, postern);
  const sendCall = async (search) => {
    await page.getByLabel("Path or summary").fill(search);
    const call = page.locator("details.operation");
    assert.equal(await call.count(), 1);
    await call.locator("summary").first().click();
    await call.getByRole("button", { name: "Send" }).click();
    return call.getByRole("status");
  };
  // The page was opened without a session.
  await page.goto("/docs");
  await page.getByRole("link", { name: "Download" }).or(page.getByText("You are not signed in")).first().waitFor();
  const other = await page.context().newPage();
  await signIn(other, "bob@example.com");
  await (await sendCall("delete deactivate your account")).getByText("401").waitFor();
  // Then with that of Bob, until Ada signs in.
  await page.goto("/docs");
  await page.getByText("use your session as bob@example.com").waitFor();
  await other.context().clearCookies();
  await signUp(postern, "eve@example.com");
  await signIn(other, "eve@example.com");
  await (await sendCall("delete deactivate your account")).getByText('"code": "account_changed"').waitFor();
  const active = await postern.sql(
    "SELECT email FROM users WHERE is_active = 1 AND email IN (?, ?)",
    user.email,
    "eve@example.com",
  );
  assert.equal(active.length, 2);
  await leave();
});
