// The account page.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, link, login, mail, ok, refused, send, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { expectMessage, openView, section, signIn, visit } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

/** Signs up a new user and opens the account page. */
async function enter(email) {
  await signUp(postern, email);
  const visitor = await visit(browser, postern);
  await signIn(visitor.page, email);
  return visitor;
}

test("a user can set a name", async () => {
  const { page, leave } = await enter("name@example.com");
  const profile = section(page, "Profile");
  await profile.getByLabel("Name").fill("  Ada Lovelace ");
  await profile.getByRole("button", { name: "Save" }).click();
  await expectMessage(profile, "Name saved.");
  await page.reload();
  assert.equal(await profile.getByLabel("Name").inputValue(), "Ada Lovelace");
  await leave();
});

test("saving an empty name removes it", async () => {
  const { page, leave } = await enter("nameless@example.com");
  const profile = section(page, "Profile");
  await profile.getByRole("button", { name: "Save" }).click();
  await expectMessage(profile, "No changes to save.");
  await profile.getByLabel("Name").fill("Ada");
  await profile.getByRole("button", { name: "Save" }).click();
  await expectMessage(profile, "Name saved.");
  await profile.getByLabel("Name").fill("");
  await profile.getByRole("button", { name: "Save" }).click();
  await expectMessage(profile, "Name removed.");
  assert.deepEqual(await postern.sql("SELECT name FROM users WHERE email = ?", "nameless@example.com"), [
    { name: null },
  ]);
  await page.reload();
  assert.equal(await profile.getByLabel("Name").inputValue(), "");
  await leave();
});

test("a tab that shows a different account than the signed-in one does nothing and reloads", async () => {
  const { user: bob } = await signUp(postern, "bob@example.com");
  const { page, leave } = await enter("alice@example.com");
  const other = await page.context().newPage();
  await signIn(other, "bob@example.com");

  await openView(page, "data");
  const deactivation = section(page, "Deactivate account");
  await deactivation.getByRole("button", { name: "Deactivate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
  await openView(page, "profile");
  await section(page, "Profile").getByText("bob@example.com").waitFor();
  assert.equal(new URL(page.url()).pathname, "/account");
  const active = await postern.sql("SELECT is_active FROM users WHERE id = ? AND is_active = 1", bob.id);
  assert.equal(active.length, 1);
  // The tab now shows Bob and acts for him.
  const profile = section(page, "Profile");
  await profile.getByLabel("Name").fill("Bob");
  await profile.getByRole("button", { name: "Save" }).click();
  await expectMessage(profile, "Name saved.");
  await leave();
});

test("a user can verify the email with a mailed code, after a wrong code", async () => {
  const { page, leave } = await enter("verify@example.com");
  const verification = section(page, "Verify your email");
  await verification.getByRole("button", { name: "Email me a code" }).click();
  await expectMessage(verification, "A code is on its way to verify@example.com.");
  const code = (await mail(postern, "verify@example.com", /verification code/)).text.match(/\b\d{6}\b/)[0];
  const field = verification.getByLabel("Code");
  assert.equal(await field.getAttribute("autocomplete"), "one-time-code");

  await field.fill(code === "000000" ? "000001" : "000000");
  await verification.getByRole("button", { name: "Verify", exact: true }).click();
  await expectMessage(verification, "The code was not accepted.");
  await verification.getByRole("button", { name: "Email me a new code" }).click();
  await expectMessage(verification, "Please wait");
  await field.fill(` ${code}`);
  await field.press("Enter");
  await section(page, "Profile").getByText("Verified", { exact: true }).waitFor();
  assert.equal(await verification.count(), 0);
  await leave();
});

test("changing the password requires the current one and ends all other sessions", async () => {
  const { page, leave } = await enter("password@example.com");
  await openView(page, "security");
  const password = section(page, "Password");
  const change = async (old) => {
    await password.getByLabel("Current password").fill(old);
    await password.getByLabel("New password").fill("battery staple, correct");
    await password.getByRole("button", { name: "Change password" }).click();
  };
  await change("wrong password");
  await expectMessage(password, "The current password is wrong.");
  await change(PASSWORD);
  await expectMessage(password, "Password changed. All your other sessions have ended.");
  assert.equal(await password.getByLabel("New password").inputValue(), "");
  await openView(page, "sessions");
  await section(page, "Sessions").getByRole("listitem").nth(1).waitFor({ state: "detached" });
  assert.equal(await section(page, "Sessions").getByRole("listitem").count(), 1);
  refused(await login(postern, "password@example.com"), 401, "wrong_credentials");
  await leave();
});

test("an invitation link can be copied, used and revoked", async () => {
  const { page, leave } = await enter("inviter@example.com");
  await openView(page, "invitations");
  const invitations = section(page, "Invitations");
  await invitations.getByText("Create a link").click();
  await invitations.getByLabel("Name of the link").fill("For Grace");
  await invitations.getByLabel("Expires in (days)").fill("7");
  await invitations.getByRole("button", { name: "Create link" }).dblclick();
  await expectMessage(invitations, "Link created.");
  const row = invitations.getByRole("listitem");
  assert.equal(await row.count(), 1);
  assert.match(await row.textContent(), /For Grace.*Expires in 7 days/);

  await row.getByRole("button", { name: "Copy" }).click();
  await expectMessage(invitations, "Link copied.");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, await row.getByRole("textbox").inputValue());
  const invitee = await visit(browser, postern);
  await invitee.page.goto(copied);
  await invitee.page.getByLabel("Email").fill("grace@example.com");
  await invitee.page.getByLabel("Password").fill(PASSWORD);
  await invitee.page.getByRole("button", { name: "Sign up" }).click();
  await invitee.page.waitForURL("/account");
  await invitee.leave();

  await row.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expectMessage(invitations, "Invitation revoked.");
  assert.equal(await row.count(), 0);
  // Keyboard users continue at the heading of the list that contained the row.
  assert.equal(await page.locator(":focus").textContent(), "Invitations");
  const isGood = await send(
    postern,
    "GET",
    `/api/auth/verify-token?token=${new URL(copied).searchParams.get("referrer")}`,
  );
  assert.equal(ok(isGood), false);
  await leave();
});

test("an invitation can be limited, and shows who signed up with it", async () => {
  const { page, leave } = await enter("limits@example.com");
  await openView(page, "invitations");
  const invitations = section(page, "Invitations");
  await invitations.getByText("Create a link").click();
  await invitations.getByLabel("Name of the link").fill("The fair");
  await invitations.getByLabel("How many people can sign up").fill("2");
  await invitations.getByRole("button", { name: "Create link" }).click();
  await expectMessage(invitations, "Link created.");
  await invitations.getByText("used 0 of 2 times").waitFor();
  assert.equal(await invitations.getByText("Who signed up").count(), 0);

  const shown = await invitations.getByRole("textbox", { name: "Link for The fair" }).inputValue();
  const referrer = new URL(shown).searchParams.get("referrer");
  const register = (email, name) =>
    send(postern, "POST", "/api/auth/signup", { json: { referrer, email, name, password: PASSWORD } });
  ok(await register("one@example.com", "Grace"));
  ok(await register("two@example.com"));
  refused(await register("three@example.com"), 403, "referrer_refused");
  await page.reload();
  await invitations.getByText(/Expires .* · Used up$/).waitFor();
  await invitations.getByText("Who signed up").click();
  await invitations.getByText(/^A user without a name · /).waitFor();
  await invitations.getByText(/^Grace · /).waitFor();
  await leave();
});

test("only users with a verified email can send invitations by email", async () => {
  const { page, leave } = await enter("mailer@example.com");
  await openView(page, "invitations");
  const invitations = section(page, "Invitations");
  await invitations.getByText("Invite by email").click();
  await invitations.getByText("Verify your own email to send invitations from here.").waitFor();
  assert.equal(await invitations.getByLabel("Email of the person to invite").count(), 0);

  await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", "mailer@example.com");
  await page.reload();
  await invitations.getByText("Invite by email").click();
  await invitations.getByLabel("Email of the person to invite").fill("grace.hopper@example.com");
  const form = invitations.locator("form", { hasText: "Note (optional)" });
  await form.getByLabel("Note").fill("Met at the fair");
  await form.getByLabel("Expires in (days)").fill("3");
  await form.getByLabel("How many people can sign up").fill("1");
  await form.getByRole("button", { name: "Send invitation" }).click();
  await expectMessage(invitations, "An invitation is on its way to grace.hopper@example.com.");
  const { searchParams } = link(await mail(postern, "grace.hopper@example.com", /invited/));
  const shown = await invitations.getByRole("textbox", { name: "Link for" }).inputValue();
  assert.equal(new URL(shown).searchParams.get("referrer"), searchParams.get("referrer"));
  await invitations.getByText("Met at the fair").waitFor();
  await invitations.getByText(/Expires in 3 days · Used 0 of 1 times/).waitFor();
  await leave();
});

test("a user can end another session, with immediate effect", async () => {
  const { page, leave } = await enter("sessions@example.com");
  const other = await visit(browser, postern);
  await signIn(other.page, "sessions@example.com");
  await page.reload();
  await openView(page, "sessions");
  const sessions = section(page, "Sessions");
  await sessions.getByText("This device").waitFor();
  // The sessions of the sign-up and of the other window.
  for (const left of [2, 1]) {
    await sessions.getByRole("button", { name: "End" }).first().click();
    await expectMessage(sessions, "Session ended.");
    await sessions.getByRole("listitem").nth(left).waitFor({ state: "detached" });
    assert.equal(await sessions.getByRole("listitem").count(), left);
  }
  await other.page.reload();
  await other.page.waitForURL("/signin");
  await other.leave();
  await leave();
});

test("a user can end all other sessions at once", async () => {
  const { page, leave } = await enter("everywhere@example.com");
  for (let count = 0; count < 2; count += 1) ok(await login(postern, "everywhere@example.com"));
  await page.reload();
  await openView(page, "sessions");
  const sessions = section(page, "Sessions");
  await sessions.getByRole("button", { name: "End all other sessions" }).click();
  await expectMessage(sessions, "All other sessions ended.");
  await sessions.getByText("This device").waitFor();
  assert.equal(await sessions.getByRole("listitem").count(), 1);
  const [{ count }] = await postern.sql(
    "SELECT count(*) AS count FROM sessions WHERE user_id = (SELECT id FROM users WHERE email = 'everywhere@example.com')",
  );
  assert.equal(count, 1);
  await leave();
});

test("a deactivation needs confirmation and leads to the sign-in page", async () => {
  const { page, leave } = await enter("leaver@example.com");
  await openView(page, "data");
  const deactivation = section(page, "Deactivate account");
  await deactivation.getByRole("button", { name: "Deactivate" }).click();
  const dialog = page.getByRole("dialog", { name: "Deactivate your account?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  ok(await login(postern, "leaver@example.com"));

  await deactivation.getByRole("button", { name: "Deactivate" }).click();
  await dialog.getByRole("button", { name: "Deactivate" }).click();
  await page.waitForURL("/signin");
  refused(await login(postern, "leaver@example.com"), 403, "inactive");
  await page.goto("/account");
  await page.waitForURL("/signin");
  await leave();
});

test("the default admin of a deployment must change the password first", async () => {
  const restricted = await startPostern({ settings: { DEFAULT_ADMIN: "restricted" } });
  try {
    const { page, leave } = await visit(browser, restricted);
    await page.goto("/signin");
    await page.getByLabel("Email").fill("admin");
    await page.getByLabel("Password").fill("admin");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expectMessage(page, "Change the default password before you do anything else.");
    assert.deepEqual(await page.getByRole("region").getByRole("heading").allTextContents(), ["Password"]);
    await page.getByLabel("Current password").fill("admin");
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Change password" }).click();
    await openView(page, "invitations");
    await section(page, "Invitations").waitFor();
    await leave();
  } finally {
    await restricted.stop();
  }
});
