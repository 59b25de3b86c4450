// Resetting a forgotten password.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  adminToken,
  link,
  mail,
  ok,
  resetToken,
  send,
  signUp,
  userToken,
} from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { signIn, expectMessage, visit } from "./support/visitor.mjs";

const ANOTHER = "battery staple, correct";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
  await signUp(postern, "ada@example.com");
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

test("a mailed link sets a new password once", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  // The email is still there, but not in the address.
  await page.waitForURL("/forgot-password");
  assert.equal(await page.getByLabel("Email").inputValue(), "ada@example.com");
  await page.getByRole("button", { name: "Email me a link" }).click();
  await expectMessage(page, "a link is on its way");

  const { href } = link(await mail(postern, "ada@example.com", /Reset/));
  await page.goto(href);
  await page.getByText("ada@example.com").waitFor();
  await page.getByLabel("New password").fill(ANOTHER);
  await page.getByRole("button", { name: "Set password" }).dblclick();
  await expectMessage(page, "Your new password is set.");
  await page.getByRole("link", { name: "Sign in" }).click();
  await signIn(page, "ada@example.com", ANOTHER);

  await page.goto(href);
  await expectMessage(page, "This link has been used, has expired, or is incomplete.");
  await page.getByRole("link", { name: "Get a new link" }).click();
  await page.waitForURL("/forgot-password");
  await leave();
});

test("the link in an account invitation sets the first password, with matching text", async () => {
  const token = await adminToken(postern);
  ok(await send(postern, "POST", "/api/auth/admin/users", { token, json: { email: "invited@example.com" } }));
  const { page, leave } = await visit(browser, postern);
  await page.goto(link(await mail(postern, "invited@example.com", /account/)).href);
  await page.getByRole("heading", { name: "Set a password" }).waitFor();
  await page.getByText("invited@example.com").waitFor();
  assert.doesNotMatch(await page.locator("main").textContent(), /old password|reset/i);
  await page.getByLabel("New password").fill(ANOTHER);
  await page.getByRole("button", { name: "Set password" }).click();
  await expectMessage(page, "Your new password is set.");
  await page.getByRole("link", { name: "Sign in" }).click();
  await signIn(page, "invited@example.com", ANOTHER);
  await leave();
});

test("an expired or incomplete link says so and offers a new one", async () => {
  const token = await resetToken(postern, "ada@example.com");
  for (const [dead, path] of [
    ["expired", token],
    ["cut off", token.slice(0, -10)],
    ["missing", ""],
  ]) {
    if (dead === "expired") await postern.sql("UPDATE users SET password_reset_id = NULL");
    const { page, leave } = await visit(browser, postern);
    await page.goto(`/reset-password?token=${path}`);
    await expectMessage(page, "This link has been used, has expired, or is incomplete.");
    assert.equal(await page.getByLabel("New password").count(), 0);
    await leave();
  }
});

test("the token leaves the address bar immediately and is sent to no other page or origin", async () => {
  const token = await resetToken(postern, "ada@example.com");
  const { page, leave } = await visit(browser, postern);
  const requests = [];
  page.on("request", (request) => requests.push(request));
  await page.goto(`/reset-password?token=${token}`);
  await page.getByLabel("New password").waitFor();
  assert.equal(page.url(), `${postern.url}/reset-password`);
  const [, ...others] = requests;
  assert.ok(others.length > 0);
  for (const request of others) {
    const { referer, authorization } = await request.allHeaders();
    assert.equal(referer, undefined, request.url());
    assert.ok(!request.url().includes(token), request.url());
    assert.equal(authorization?.includes(token) ?? false, request.url().endsWith("/api/auth/me"), request.url());
  }
  await leave();
});

test("a valid link survives a reload until it is used", async () => {
  const token = await resetToken(postern, "ada@example.com");
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/reset-password?token=${token}`);
  await page.getByLabel("New password").waitFor();
  for (let times = 0; times < 2; times += 1) {
    await page.reload();
    await page.getByText("ada@example.com").waitFor();
    assert.equal(page.url(), `${postern.url}/reset-password`);
  }
  await page.getByLabel("New password").fill(ANOTHER);
  await page.getByRole("button", { name: "Set password" }).click();
  await expectMessage(page, "Your new password is set.");
  assert.equal(await page.evaluate(() => history.state), null);
  // A new history entry of the same tab has no token either.
  await page.goto("/reset-password");
  await expectMessage(page, "This link has been used, has expired, or is incomplete.");
  await leave();
});

test("every page tells the owner of a deactivated account to ask an admin", async () => {
  await signUp(postern, "leaver@example.com");
  const referrer = await userToken(postern, await adminToken(postern));
  const token = await resetToken(postern, "leaver@example.com");
  await postern.sql("UPDATE users SET is_active = 0, password_reset_id = NULL WHERE email = 'leaver@example.com'");
  const { page, leave } = await visit(browser, postern);
  const ask = "ask an admin to activate it";

  await page.goto(`/signup?referrer=${referrer}&email=leaver@example.com`);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expectMessage(page, ask);
  await page.goto("/signin");
  await page.getByLabel("Email").fill("leaver@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(page, ask);
  await page.goto("/forgot-password");
  await page.getByLabel("Email").fill("leaver@example.com");
  await page.getByRole("button", { name: "Email me a link" }).click();
  await expectMessage(page, ask);
  await page.goto(`/reset-password?token=${token}`);
  await expectMessage(page, ask);
  await leave();
});

test("a rejected password is reported at its field, and the link stays valid", async () => {
  const token = await resetToken(postern, "ada@example.com");
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/reset-password?token=${token}`);
  await page.getByLabel("New password").fill("short");
  await page.getByRole("button", { name: "Set password" }).click();
  await expectMessage(page, "Check the field that is marked.");
  await page.getByText("Must have at least 8 characters.").waitFor();
  await page.getByLabel("New password").fill(ANOTHER);
  await page.getByRole("button", { name: "Set password" }).click();
  await expectMessage(page, "Your new password is set.");
  await leave();
});

test("a link with an opaque token works the same", async () => {
  await postern.restart({ settings: { PASSWORD_RESET_TOKEN: "opaque" } });
  const token = await resetToken(postern, "ada@example.com");
  assert.match(token, /^[\w-]{48}$/);
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/reset-password?token=${token.slice(0, -1)}`);
  await expectMessage(page, "This link has been used, has expired, or is incomplete.");
  await page.goto(`/reset-password?token=${token}`);
  await page.getByText("ada@example.com").waitFor();
  assert.equal(page.url(), `${postern.url}/reset-password`);
  await page.reload();
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set password" }).click();
  await expectMessage(page, "Your new password is set.");
  await page.goto(`/reset-password?token=${token}`);
  await expectMessage(page, "This link has been used, has expired, or is incomplete.");
  await leave();
});
