// Changing the email address on the account page, and the page that undoes it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { askEmailChange, link, login, mail, me, ok, refused, send, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { expectMessage, section, signIn, visit } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

/** Signs up a user with a verified email. */
async function verified(email) {
  const session = await signUp(postern, email);
  await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", email);
  return session;
}

async function code(email, subject) {
  return (await mail(postern, email, subject)).text.match(/\b\d{6}\b/)[0];
}

const emailOf = async (id) => (await postern.sql("SELECT email FROM users WHERE id = ?", id))[0].email;

/** Changes the email of a new user through the API. Returns the session, and the link in the mail to the old address. */
async function changed(name) {
  const session = await verified(`${name}@example.com`);
  const { codes } = await askEmailChange(postern, session, `${name}@example.org`);
  ok(await send(postern, "POST", "/api/auth/me/email/verify", { token: session.token, json: codes }));
  const { text } = await mail(postern, `${name}@example.com`, /was changed/);
  return { session, undo: text.match(/https?:\S+#token=\S+/)[0] };
}

test("a user changes the address with a code from each mailbox, after a wrong code", async () => {
  const { user, token } = await verified("ada@example.com");
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "ada@example.com");
  const address = section(page, "Email address");
  await address.getByLabel("New email address").fill("ada@example.com");
  await address.getByRole("button", { name: "Change email address" }).click();
  await expectMessage(address, "This is already the email address of your account.");
  await address.getByLabel("New email address").fill(" Ada@Example.org");
  await address.getByRole("button", { name: "Change email address" }).click();

  const field = address.getByLabel("Code sent to ada@example.org");
  await field.waitFor();
  assert.equal(await field.evaluate((element) => element === document.activeElement), true);
  const right = await code("ada@example.org", /^Confirm your new email address/);
  await field.fill(right === "000000" ? "000001" : "000000");
  await address.getByLabel("Code sent to ada@example.com").fill(await code("ada@example.com", /asked to change/));
  await address.getByRole("button", { name: "Confirm" }).click();
  await expectMessage(address, "The code was not accepted.");
  assert.equal(await emailOf(user.id), "ada@example.com");
  await field.fill(` ${right}`);
  await field.press("Enter");
  await expectMessage(address, "Email address changed. All your other sessions have ended.");
  await section(page, "Profile").getByText("ada@example.org").waitFor();
  refused(await me(postern, token), 401, "invalid_token");
  await address.getByLabel("New email address").waitFor();
  await leave();
});

test("a change survives a reload of its tab, and every tab can cancel it", async () => {
  await signUp(postern, "bea@example.com");
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "bea@example.com");
  const address = section(page, "Email address");
  await address.getByLabel("New email address").fill("bea@example.org");
  await address.getByRole("button", { name: "Change email address" }).click();
  await address.getByLabel("Code sent to bea@example.org").waitFor();
  // The address was never verified, so the new one is enough.
  assert.equal(await address.getByRole("textbox").count(), 1);
  await page.reload();
  await address.getByLabel("Code sent to bea@example.org").waitFor();

  const other = await page.context().newPage();
  await other.goto("/account");
  const there = section(other, "Email address");
  await there.getByText("is waiting for its code").waitFor();
  assert.equal(await there.getByRole("textbox").count(), 0);
  await there.getByRole("button", { name: "Cancel the change" }).click();
  await expectMessage(there, "Change canceled.");

  await address.getByLabel("Code sent to bea@example.org").fill("000000");
  await address.getByRole("button", { name: "Confirm" }).click();
  await expectMessage(address, "This code is no longer valid. Ask for a new one.");
  await address.getByLabel("New email address").waitFor();
  await leave();
});

test("a program that opens the link and runs its scripts undoes nothing, and a click does", async () => {
  const { session, undo } = await changed("carl");
  const { page, leave } = await visit(browser, postern);
  const requests = [];
  page.on("request", (request) => requests.push(request));
  await page.goto(undo);
  await page.getByRole("button", { name: "Undo the change" }).waitFor();
  await page.waitForLoadState("networkidle");
  assert.equal(page.url(), `${postern.url}/undo-email-change`);
  await page.reload();
  await page.getByRole("button", { name: "Undo the change" }).waitFor();
  await page.waitForLoadState("networkidle");
  const token = undo.split("#token=")[1];
  assert.ok(requests.every((request) => request.method() === "GET" && !request.url().includes(token)));
  assert.equal(await emailOf(session.user.id), "carl@example.org");
  ok(await me(postern, session.token));

  await page.getByRole("button", { name: "Undo the change" }).click();
  await expectMessage(page, "Your account uses your old address.");
  assert.equal(await emailOf(session.user.id), "carl@example.com");
  refused(await me(postern, session.token), 401, "invalid_token");
  refused(await login(postern, "carl@example.com"), 401, "wrong_credentials");
  assert.equal(await page.evaluate(() => history.state), null);

  await page.goto(link(await mail(postern, "carl@example.com", /^Reset/)).href);
  await page.getByLabel("New password").fill("battery staple, correct");
  await page.getByRole("button", { name: "Set password" }).click();
  await page.getByRole("link", { name: "Sign in" }).click();
  await signIn(page, "carl@example.com", "battery staple, correct");
  await section(page, "Profile").getByText("carl@example.com").waitFor();
  await leave();
});

test("a used or unknown link says that there is nothing to undo", async () => {
  const { page, leave } = await visit(browser, postern);
  for (const path of ["/undo-email-change", "/undo-email-change#token=x"]) {
    await page.goto(path);
    await page.getByRole("button", { name: "Undo the change" }).click();
    await expectMessage(page, "There is nothing to undo with this link.");
  }
  await leave();
});

test("an admin can mark an address as unverified", async () => {
  const { user } = await verified("dora@example.com");
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "admin", "admin");
  await page.goto(`/admin#user?id=${user.id}`);
  const card = section(page, "dora@example.com");
  await card.getByLabel("Email status").selectOption("Not verified");
  await card.getByRole("button", { name: "Save" }).click();
  await expectMessage(card, "User saved.");
  assert.deepEqual(await postern.sql("SELECT is_verified FROM users WHERE id = ?", user.id), [{ is_verified: 0 }]);
  await leave();
});
