// The admin pages.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  adminToken,
  link,
  login,
  mail,
  ok,
  refused,
  send,
  signUp,
  userToken,
} from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { section, signIn, expectMessage, visit } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

/** Signs in as the admin and opens a view. */
async function administer(view) {
  const visitor = await visit(browser, postern);
  await signIn(visitor.page, "admin", "admin");
  await visitor.page.goto(`/admin#${view}`);
  return visitor;
}

/** Signs up a new user whom another user has invited. */
async function invite(inviter, email) {
  const referrer = await userToken(postern, inviter.token);
  return ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, password: PASSWORD } }));
}

test("users who are not admins cannot see the admin pages", async () => {
  await signUp(postern, "user@example.com");
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "user@example.com");
  assert.equal(await page.getByRole("link", { name: "Administration" }).count(), 0);
  await page.goto("/admin");
  await expectMessage(page, "Only admins can see this page.");
  await leave();
});

test("users can be searched, filtered and paged, and the back button works", async () => {
  for (let number = 1; number <= 21; number += 1) await signUp(postern, `crowd${number}@example.com`);
  const { page, leave } = await administer("users");
  const users = section(page, "Users");
  const rows = users.getByRole("listitem");
  await users.getByLabel("Email or name").fill("crowd");
  await users.getByRole("button", { name: "Search" }).click();
  await users.getByText("1 to 20 of 21").waitFor();
  assert.equal(await rows.count(), 20);
  await users.getByRole("link", { name: "Next" }).click();
  await users.getByText("21 to 21 of 21").waitFor();
  assert.deepEqual(await rows.getByRole("link").allTextContents(), ["crowd1@example.com"]);
  await page.goBack();
  await users.getByText("1 to 20 of 21").waitFor();
  assert.equal(await users.getByLabel("Email or name").inputValue(), "crowd");

  await users.getByLabel("Email status").selectOption("Verified");
  await users.getByRole("button", { name: "Search" }).click();
  await users.getByText("No results.").waitFor();
  await leave();
});

test("a page past the end of the list says so and links to the last page", async () => {
  const { page, leave } = await administer("users?offset=9000");
  const users = section(page, "Users");
  await users.getByText(/This page is past the end of the list \(\d+ entries\)\./).waitFor();
  assert.equal(await users.getByText(/\d+ to \d+ of/).count(), 0);
  await users.getByRole("link", { name: "Last page" }).click();
  await users.getByText(/\d+ to (\d+) of \1$/).waitFor();
  await leave();
});

test("a user created without a password sets one with a mailed link", async () => {
  const { page, leave } = await administer("users");
  const form = section(page, "New user");
  await form.getByLabel("Email", { exact: true }).fill("made@example.com");
  await form.getByLabel("Name").fill("Made");
  await form.getByLabel("Tier").selectOption("2");
  await form.getByRole("button", { name: "Create user" }).dblclick();
  await section(page, "made@example.com").getByLabel("Name").waitFor();
  assert.equal(await section(page, "made@example.com").getByLabel("Tier").inputValue(), "2");
  await leave();

  const { page: own, leave: done } = await visit(browser, postern);
  await own.goto(link(await mail(postern, "made@example.com", /Set up your/)).href);
  await own.getByLabel("New password").fill(PASSWORD);
  await own.getByRole("button", { name: "Set password" }).click();
  await expectMessage(own, "Your new password is set.");
  await signIn(own, "made@example.com");
  await done();
});

test("an admin can change, deactivate and delete a user", async () => {
  const { user } = await signUp(postern, "changed@example.com");
  const { page, leave } = await administer(`user?id=${user.id}`);
  const card = section(page, "changed@example.com");
  await card.getByLabel("Name").fill("Changed");
  await card.getByLabel("Status", { exact: true }).selectOption("Deactivated");
  await card.getByRole("button", { name: "Save" }).click();
  await expectMessage(card, "User saved.");
  await card.getByText("Deactivated", { exact: true }).first().waitFor();
  refused(await login(postern, "changed@example.com"), 403, "inactive");

  await page.getByRole("button", { name: "Delete user" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete changed@example.com?" });
  await dialog.getByRole("button", { name: "Delete user" }).click();
  await section(page, "New user").waitFor();
  assert.deepEqual(await postern.sql("SELECT id FROM users WHERE id = ?", user.id), []);
  await leave();
});

test("an admin sees who invited a user, and with which invitation", async () => {
  const inviter = await signUp(postern, "inviter@example.com");
  const json = { name: "The fair", max_uses: 3 };
  const { token } = ok(await send(postern, "POST", "/api/auth/me/create-token", { token: inviter.token, json }));
  const account = { referrer: token, email: "invitee@example.com", password: PASSWORD };
  const { user } = ok(await send(postern, "POST", "/api/auth/signup", { json: account }));
  const { page, leave } = await administer(`user?id=${user.id}`);
  const card = section(page, "invitee@example.com");
  await card.getByText("Invited by inviter@example.com with “The fair”, used 1 of 3 times").waitFor();
  await card.getByRole("link", { name: "inviter@example.com" }).click();
  await section(page, "inviter@example.com").waitFor();
  await leave();
});

test("a stale form does not overwrite another admin's change and shows the current values", async () => {
  const { user } = await signUp(postern, "stale@example.com");
  const token = await adminToken(postern);
  const put = (json) => send(postern, "PUT", `/api/auth/admin/users/${user.id}`, { token, json });
  ok(await put({ role: "admin" }));
  const { page, leave } = await administer(`user?id=${user.id}`);
  const card = section(page, "stale@example.com");
  await card.getByLabel("Name").fill("Stale");
  ok(await put({ role: "user", is_active: false }));

  await card.getByRole("button", { name: "Save" }).click();
  await expectMessage(card, "your change was not saved");
  assert.deepEqual(await postern.sql("SELECT name, role, is_active FROM users WHERE id = ?", user.id), [
    { name: null, role: "user", is_active: 0 },
  ]);
  await card.getByText("Deactivated", { exact: true }).first().waitFor();
  assert.equal(await card.getByLabel("Role").inputValue(), "user");
  assert.equal(await card.getByLabel("Status", { exact: true }).inputValue(), "false");

  await card.getByLabel("Name").fill("Stale");
  await card.getByRole("button", { name: "Save" }).click();
  await expectMessage(card, "User saved.");
  assert.deepEqual(await postern.sql("SELECT name, role, is_active FROM users WHERE id = ?", user.id), [
    { name: "Stale", role: "user", is_active: 0 },
  ]);
  await card.getByRole("button", { name: "Save" }).click();
  await expectMessage(card, "No changes to save.");
  await card.getByLabel("Name").fill("");
  await card.getByRole("button", { name: "Save" }).click();
  await expectMessage(card, "User saved.");
  assert.deepEqual(await postern.sql("SELECT name FROM users WHERE id = ?", user.id), [{ name: null }]);
  await leave();
});

test("saving another value of a frozen user does not undo the freeze", async () => {
  const { user } = await signUp(postern, "frozen@example.com");
  ok(await send(postern, "POST", `/api/auth/admin/users/${user.id}/freeze`, { token: await adminToken(postern) }));
  const { page, leave } = await administer(`user?id=${user.id}`);
  const card = section(page, "frozen@example.com");
  await card.getByLabel("Tier").selectOption("2");
  await card.getByRole("button", { name: "Save" }).click();
  await expectMessage(card, "User saved.");
  assert.deepEqual(await postern.sql("SELECT tier, is_active, frozen_by FROM users WHERE id = ?", user.id), [
    { tier: 2, is_active: 0, frozen_by: user.id },
  ]);
  await leave();
});

test("a user whose imported id needs escaping can be found, changed, frozen and deleted", async () => {
  const ids = ["auth0|5f7c", "a/b", "a%2Fb", "with space", "käse?#&"];
  for (const id of ids) {
    await postern.sql(
      "INSERT INTO users (id, email, password_hash, created_at, updated_at) VALUES (?, ?, 'x', 1, 1)",
      id,
      `odd${ids.indexOf(id)}@example.com`,
    );
  }
  const { page, leave } = await administer("users?search=odd");
  for (const id of ids) {
    const email = `odd${ids.indexOf(id)}@example.com`;
    await page.goto("/admin#users?search=odd");
    await section(page, "Users").getByRole("link", { name: email }).click();
    const card = section(page, email);
    await card.getByLabel("Tier").selectOption("2");
    await card.getByRole("button", { name: "Save" }).click();
    await expectMessage(card, "User saved.");
    assert.deepEqual(await postern.sql("SELECT id FROM users WHERE tier = 2 AND email LIKE 'odd%'"), [{ id }]);
    await card.getByRole("link", { name: "Invite tree" }).click();
    await page.getByRole("button", { name: `Freeze: ${email}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Freeze" }).click();
    await expectMessage(section(page, "Invite tree"), `1 user frozen: ${email} and everyone below.`);
    assert.deepEqual(await postern.sql("SELECT id FROM users WHERE is_active = 0 AND email LIKE 'odd%'"), [{ id }]);
    await section(page, "Invite tree").getByRole("link", { name: email }).click();
    await page.getByRole("button", { name: "Delete user" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete user" }).click();
    await section(page, "New user").waitFor();
    assert.deepEqual(await postern.sql("SELECT id FROM users WHERE id = ?", id), []);
  }
  await leave();
});

test("admins cannot give up their own role, and see the message of the service", async () => {
  const [{ id }] = await postern.sql("SELECT id FROM users WHERE email = 'admin'");
  const { page, leave } = await administer(`user?id=${id}`);
  const card = section(page, "admin");
  await card.getByLabel("Role").selectOption("User");
  await card.getByRole("button", { name: "Save" }).click();
  const answer = await send(postern, "PUT", `/api/auth/admin/users/${id}`, {
    token: ok(await login(postern, "admin", "admin")).token,
    json: { role: "user" },
  });
  await expectMessage(card, refused(answer, 409, "own_account").error);
  assert.equal(await page.getByRole("button", { name: "Delete user" }).count(), 0);
  await leave();
});

test("an admin can end a user's sessions and send a link to set a password", async () => {
  const { user, token } = await signUp(postern, "signedin@example.com");
  ok(await login(postern, "signedin@example.com"));
  const { page, leave } = await administer(`user?id=${user.id}`);
  const sessions = section(page, "Sessions");
  await sessions.getByRole("button", { name: "End all sessions" }).click();
  await expectMessage(sessions, "All sessions ended.");
  refused(await send(postern, "GET", "/api/auth/me", { token }), 401, "invalid_token");
  await page.getByRole("button", { name: "Email a link to set a password" }).click();
  await expectMessage(section(page, "Password and deletion"), "A link is on its way to signedin@example.com.");
  await mail(postern, "signedin@example.com", /Reset/);
  await leave();
});

test("the invite tree shows who invited whom, and a branch can be frozen and unfrozen", async () => {
  const grace = await signUp(postern, "grace@example.com");
  const alan = await invite(grace, "alan@example.com");
  await invite(alan, "kurt@example.com");
  const { page, leave } = await administer(`tree?root=${grace.user.id}`);
  const tree = section(page, "Invite tree");
  const branch = (email) =>
    tree.getByRole("listitem").filter({ has: page.getByRole("link", { name: email, exact: true }) });
  // Each user is in the list below their inviter.
  await branch("grace@example.com")
    .first()
    .getByRole("listitem")
    .filter({ hasText: "kurt@example.com" })
    .last()
    .waitFor();
  assert.equal(await branch("kurt@example.com").count(), 3);

  await tree.getByRole("button", { name: "Freeze: alan@example.com" }).click();
  const dialog = page.getByRole("dialog", { name: "Freeze alan@example.com and everyone below?" });
  await dialog.getByRole("button", { name: "Freeze" }).click();
  await expectMessage(tree, "2 users frozen: alan@example.com and everyone below.");
  assert.equal(await tree.getByText("Frozen", { exact: true }).count(), 2);
  refused(await login(postern, "kurt@example.com"), 403, "inactive");
  ok(await login(postern, "grace@example.com"));

  await tree.getByRole("button", { name: "Unfreeze: alan@example.com" }).click();
  await expectMessage(tree, "2 users unfrozen: alan@example.com and everyone below.");
  ok(await login(postern, "kurt@example.com"));
  await leave();
});

test("a stale page does not undo a newer freeze by another admin", async () => {
  const { user } = await signUp(postern, "refrozen@example.com");
  const token = await adminToken(postern);
  const freeze = (method) => send(postern, method, `/api/auth/admin/users/${user.id}/freeze`, { token });
  ok(await freeze("POST"));
  const { page, leave } = await administer(`tree?root=${user.id}`);
  const tree = section(page, "Invite tree");
  const unfreeze = tree.getByRole("button", { name: "Unfreeze: refrozen@example.com" });
  await unfreeze.waitFor();
  ok(await freeze("DELETE"));
  ok(await freeze("POST"));

  await unfreeze.click();
  await expectMessage(tree, "your change was not saved");
  refused(await login(postern, "refrozen@example.com"), 403, "inactive");
  await unfreeze.click();
  await expectMessage(tree, "1 user unfrozen: refrozen@example.com and everyone below.");
  ok(await login(postern, "refrozen@example.com"));
  await leave();
});

test("events show who did what, and older ones load on demand", async () => {
  const { user } = await signUp(postern, "busy@example.com");
  for (let number = 0; number < 20; number += 1) ok(await login(postern, "busy@example.com"));
  const { page, leave } = await administer(`events?user=${user.id}`);
  const events = section(page, "Events");
  await events.getByText("by busy@example.com").first().waitFor();
  assert.equal(await events.getByRole("listitem").count(), 20);
  await events.getByRole("button", { name: "Show earlier events" }).click();
  await events.getByRole("listitem").nth(20).waitFor();
  assert.match(await events.getByRole("listitem").nth(20).textContent(), /Signup/);

  await events.getByLabel("Action").fill("nothing");
  await events.getByRole("button", { name: "Search" }).click();
  await expectMessage(events, "action must be one of");
  await leave();
});
