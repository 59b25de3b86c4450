// Signing up with an invitation.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, adminToken, link, mail, ok, send, signUp, userToken } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { section, expectMessage, visit } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

test("an invitation link leads to an account with the invited email", async () => {
  const token = await adminToken(postern);
  ok(await send(postern, "POST", "/api/auth/me/send-invite", { token, json: { email: "grace+1@example.com" } }));
  const { page, leave } = await visit(browser, postern);
  const judged = page.waitForResponse(/verify-token/);
  await page.goto(link(await mail(postern, "grace+1@example.com", /invited/)).href);
  assert.equal((await judged).status(), 200);
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.equal(await page.getByLabel("Email").inputValue(), "grace+1@example.com");
  await page.getByLabel("Name").fill("Grace");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.waitForURL("/account");
  assert.equal(await section(page, "Profile").getByLabel("Name").inputValue(), "Grace");
  await leave();
});

test("the invitation code can be typed, and the name is optional", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signup");
  await page.getByLabel("Invitation").fill(referrer);
  await page.getByLabel("Email").fill("alan@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.waitForURL("/account");
  await section(page, "Profile").getByText("alan@example.com").waitFor();
  await leave();
});

test("a pasted invitation link works like its code, and the page sends it unchanged", async () => {
  const token = await adminToken(postern);
  ok(await send(postern, "POST", "/api/auth/me/send-invite", { token, json: { email: "pasted@example.com" } }));
  const { href } = link(await mail(postern, "pasted@example.com", /invited/));
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signup");
  await page.getByLabel("Invitation").fill(` ${href} `);
  await page.getByLabel("Email").fill("pasted@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  const request = page.waitForRequest("**/api/auth/signup");
  await page.getByRole("button", { name: "Sign up" }).click();
  assert.equal((await request).postDataJSON().referrer, ` ${href} `);
  await page.waitForURL("/account");
  await leave();
});

test("a valid invitation shows no error", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  const { page, leave } = await visit(browser, postern);
  const verified = page.waitForResponse("**/api/auth/verify-token");
  await page.goto(`/signup?referrer=${referrer}`);
  assert.equal(await (await verified).json(), true);
  assert.equal(await page.getByRole("alert").count(), 0);
  await leave();
});

test("an expired invitation is reported before the user types anything", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  await postern.sql("UPDATE user_tokens SET expires_at = created_at + 1");
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/signup?referrer=${referrer}`);
  await expectMessage(page, "This invitation is invalid or has expired. Ask for a new one.");
  await leave();
});

test("every invalid field shows its error, and the first one gets the focus", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/signup?referrer=${referrer}`);
  // The browser itself accepts this as an email address.
  await page.getByLabel("Email").fill("ada@nowhere");
  await page.getByLabel("Password").fill("password");
  await page.getByRole("button", { name: "Sign up" }).click();
  const answer = await send(postern, "POST", "/api/auth/signup", {
    json: { referrer, email: "ada@nowhere", password: "password" },
  });
  await expectMessage(page, answer.body.error);
  for (const { loc, msg } of answer.body.detail) {
    const field = page.locator(`[name=${loc[1]}]`);
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    assert.equal(await page.locator(`[id="${await field.getAttribute("aria-describedby")}"]`).textContent(), msg);
  }
  const first = page.locator("[aria-invalid=true]").first();
  assert.ok(await first.evaluate((field) => field === document.activeElement));
  await leave();
});

test("an email that is taken is reported, and the page links to the sign-in page", async () => {
  await signUp(postern, "ada@example.com");
  const referrer = await userToken(postern, await adminToken(postern));
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/signup?referrer=${referrer}&email=ada%40example.com`);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expectMessage(page, "There is already an account with this email.");
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.waitForURL("/signin");
  await leave();
});
