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

/** Chooses an action in the menu of a user in the invite tree. */
async function act(page, email, name) {
  await page.getByRole("button", { name: `Actions for ${email}` }).click();
  await page.getByRole("button", { name, exact: true }).click();
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
  assert.equal(await page.getByRole("link", { name: "Admin" }).count(), 0);
  await page.goto("/admin");
  await expectMessage(page, "Only admins can see this page.");
  await leave();
});

test("users can be searched, filtered and paged, and the back button works", async () => {
  for (let number = 1; number <= 21; number += 1) await signUp(postern, `crowd${number}@example.com`);
  const { page, leave } = await administer("users");
  const users = section(page, "Users");
  const rows = users.locator("tbody").getByRole("row");
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

  await users.getByText("Filters").click();
  await users.getByLabel("Email status").selectOption("Verified");
  await users.getByRole("button", { name: "Search" }).click();
  await users.getByText("No user matches.").waitFor();
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
  await page.getByRole("button", { name: "New user" }).click();
  const form = page.getByRole("dialog", { name: "New user" });
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
  await page.getByRole("button", { name: "New user" }).waitFor();
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
  await card.getByText("Invited by inviter@example.com with “The fair” (used 1 of 3 times)").waitFor();
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
    await act(page, email, "Freeze");
    await page.getByRole("dialog").getByRole("button", { name: "Freeze" }).click();
    await expectMessage(section(page, "Invite tree"), `1 user frozen: ${email} and everyone below.`);
    assert.deepEqual(await postern.sql("SELECT id FROM users WHERE is_active = 0 AND email LIKE 'odd%'"), [{ id }]);
    await section(page, "Invite tree").getByRole("link", { name: email }).click();
    await page.getByRole("button", { name: "Delete user" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete user" }).click();
    await page.getByRole("button", { name: "New user" }).waitFor();
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
  await expectMessage(section(page, "Sign-in and deletion"), "A link is on its way to signedin@example.com.");
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
  // Branches are closed at first.
  await tree.getByRole("button", { name: "Show whom alan@example.com invited" }).click();
  // Each user is in the list below their inviter.
  await branch("grace@example.com")
    .first()
    .getByRole("listitem")
    .filter({ hasText: "kurt@example.com" })
    .last()
    .waitFor();
  assert.equal(await branch("kurt@example.com").count(), 4);

  await act(page, "alan@example.com", "Freeze");
  const dialog = page.getByRole("dialog", { name: "Freeze alan@example.com and everyone below?" });
  await dialog.getByText("This deactivates 2 active users.").waitFor();
  await dialog.getByRole("button", { name: "Freeze" }).click();
  await expectMessage(tree, "2 users frozen: alan@example.com and everyone below.");
  await tree.getByText("Frozen", { exact: true }).nth(1).waitFor();
  assert.equal(await tree.getByText("Frozen", { exact: true }).count(), 2);
  refused(await login(postern, "kurt@example.com"), 403, "inactive");
  ok(await login(postern, "grace@example.com"));

  await act(page, "alan@example.com", "Unfreeze");
  await expectMessage(tree, "2 users unfrozen: alan@example.com and everyone below.");
  ok(await login(postern, "kurt@example.com"));
  await leave();
});

test("a freeze names the user by the email, because users choose their names", async () => {
  const { user, token } = await signUp(postern, "mallory@example.com");
  ok(await send(postern, "PUT", "/api/auth/me/name", { token, json: { name: "victim@example.com" } }));
  const { page, leave } = await administer(`tree?root=${user.id}`);
  await act(page, "mallory@example.com", "Freeze");
  await page.getByRole("dialog", { name: "Freeze mallory@example.com and everyone below?" }).waitFor();
  await leave();
});

test("a search in the invite tree that several users match offers all of them", async () => {
  await signUp(postern, "twin-one@example.com");
  const { user } = await signUp(postern, "twin-two@example.com");
  const { page, leave } = await administer("tree");
  const tree = section(page, "Invite tree");
  await tree.getByLabel("User (email or name)").fill("twin-");
  await tree.getByRole("button", { name: "Find" }).click();
  const found = tree.getByRole("status").filter({ hasText: "2 users match" });
  await found.getByRole("link", { name: "twin-one@example.com" }).waitFor();
  await found.getByRole("link", { name: "twin-two@example.com" }).click();
  await page.waitForURL(`/admin#tree?root=${user.id}`);
  await tree.getByText("twin-two@example.com and everyone above.").waitFor();
  await leave();
});

test("a user among 120 invitees can be frozen, and the branch stays open", async () => {
  const { user } = await signUp(postern, "popular@example.com");
  await postern.sql(
    `WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 219)
     INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
     SELECT 'guest' || i, 'guest' || i || '@example.com', 'none', ?, i, i FROM n`,
    user.id,
  );
  const { page, leave } = await administer(`tree?root=${user.id}`);
  const tree = section(page, "Invite tree");
  for (const last of [148, 198, 219]) {
    await tree.getByRole("link", { name: `guest${last}@example.com` }).waitFor();
    if (last < 219) await tree.getByRole("button", { name: "Show more" }).click();
  }
  await act(page, "guest100@example.com", "Freeze");
  await page.getByRole("dialog").getByRole("button", { name: "Freeze" }).click();
  await expectMessage(tree, "1 user frozen: guest100@example.com and everyone below.");
  await tree.getByText("Frozen", { exact: true }).waitFor();
  await tree.getByRole("link", { name: "guest198@example.com" }).waitFor();
  assert.equal(await tree.getByRole("alert").count(), 0);
  await leave();
});

test("a stale page does not undo a newer freeze by another admin", async () => {
  const { user } = await signUp(postern, "refrozen@example.com");
  const token = await adminToken(postern);
  const freeze = (method) => send(postern, method, `/api/auth/admin/users/${user.id}/freeze`, { token });
  ok(await freeze("POST"));
  const { page, leave } = await administer(`tree?root=${user.id}`);
  const tree = section(page, "Invite tree");
  await tree.getByText("Frozen", { exact: true }).waitFor();
  ok(await freeze("DELETE"));
  ok(await freeze("POST"));

  await act(page, "refrozen@example.com", "Unfreeze");
  await expectMessage(tree, "your change was not saved");
  refused(await login(postern, "refrozen@example.com"), 403, "inactive");
  await act(page, "refrozen@example.com", "Unfreeze");
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
  await events.getByRole("button", { name: "Search further back" }).click();
  await events.getByRole("listitem").nth(20).waitFor();
  assert.match(await events.getByRole("listitem").nth(20).textContent(), /Signed up/);

  await leave();
});

test("events are found by action, person, result and day", async () => {
  const { user } = await signUp(postern, "searched@example.com");
  await login(postern, "searched@example.com", "wrong password");
  const { page, leave } = await administer("events");
  const events = section(page, "Events");
  const rows = events.getByRole("listitem");
  await events.getByLabel("User (email or ID)").fill("Searched@example.com");
  await events.getByRole("button", { name: "Search" }).click();
  await page.waitForURL(/user=/);
  await rows.nth(1).waitFor();
  assert.equal(await rows.count(), 2);

  await events.getByLabel("Result").selectOption("Failure");
  await events.getByLabel("Action").selectOption("Signed in");
  await events.getByRole("button", { name: "Search" }).click();
  await page.waitForURL(/result=failure/);
  await events.getByText("Wrong email or password").waitFor();
  assert.equal(await rows.count(), 1);
  assert.match(page.url(), /action=login/);

  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  await events.getByLabel("To").fill(yesterday);
  await events.getByRole("button", { name: "Search" }).click();
  await events.getByText("No events match.").waitFor();
  await page.goto(`/admin#events?user=${user.id}&from=${yesterday}`);
  await rows.nth(1).waitFor();
  await leave();
});

test("several users can be deactivated, activated and deleted at once", async () => {
  for (const name of ["one", "two", "three"]) await signUp(postern, `bulk-${name}@example.com`);
  const states = () =>
    postern
      .sql("SELECT email, is_active FROM users WHERE email LIKE 'bulk-%' ORDER BY email")
      .then((rows) => rows.map(({ email, is_active }) => `${email.slice(5, -12)} ${is_active}`));
  const { page, leave } = await administer("users?search=bulk-");
  const users = section(page, "Users");
  const choose = async (act) => {
    for (const name of ["one", "two"]) await users.getByLabel(`Select bulk-${name}@example.com`).check();
    await users.getByText("2 users selected").waitFor();
    await users.getByRole("button", { name: "Actions" }).click();
    await users.getByRole("button", { name: act, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: act }).click();
    await expectMessage(page, `2 users ${act.toLowerCase()}d.`);
  };
  await choose("Deactivate");
  assert.deepEqual(await states(), ["one 0", "three 1", "two 0"]);
  await choose("Activate");
  assert.deepEqual(await states(), ["one 1", "three 1", "two 1"]);
  await choose("Delete");
  assert.deepEqual(await states(), ["three 1"]);
  await leave();
});

test("an export has the users of the list, and no formulas", async () => {
  const { user, token } = await signUp(postern, "exported@example.com");
  ok(await send(postern, "PUT", "/api/auth/me/name", { token, json: { name: '=HYPERLINK("x"), "quoted"' } }));
  const { page, leave } = await administer("users?search=exported");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export CSV" }).click();
  const stream = await (await download).createReadStream();
  let csv = "";
  for await (const chunk of stream) csv += chunk;
  const [header, row, end] = csv.split("\r\n");
  assert.match(header, /^id,email,name,role,/);
  assert.ok(row.startsWith(`${user.id},exported@example.com,"'=HYPERLINK(""x""), ""quoted""",user,0,true,`), row);
  assert.equal(end, "");
  await expectMessage(page, "1 user exported.");
  await leave();
});

test("an export starts no formula where a spreadsheet separates cells by semicolons, tabs or full-width signs", async () => {
  for (const [number, name, exported] of [
    [1, "x;=1+1", "x;'=1+1"],
    [2, "x; +1;@a", "x; '+1;'@a"],
    [3, "\uff1d1+1;", "'\uff1d1+1;"],
    [4, "Ada Lovelace-Byron; Countess", "Ada Lovelace-Byron; Countess"],
  ]) {
    const { user, token } = await signUp(postern, `cells${number}@example.com`);
    ok(await send(postern, "PUT", "/api/auth/me/name", { token, json: { name } }));
    const { page, leave } = await administer(`users?search=cells${number}`);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    let csv = "";
    for await (const chunk of await (await download).createReadStream()) csv += chunk;
    assert.ok(csv.includes(`${user.id},cells${number}@example.com,"${exported}",user`), csv);
    await leave();
  }
});

test("an address that names no view shows the first one", async () => {
  for (const name of ["nonsense", "constructor", "__proto__", "toString"]) {
    const { page, leave } = await administer(name);
    await page.getByRole("figure", { name: "Failed sign-ins" }).waitFor();
    await page.goto(`/account#${name}`);
    await section(page, "Profile").waitFor();
    await leave();
  }
});

test("the overview shows what happened, as pictures and as numbers", async () => {
  await signUp(postern, "counted@example.com");
  await login(postern, "counted@example.com", "wrong password");
  const { page, leave } = await administer("overview");
  const chart = page.getByRole("figure", { name: "Failed sign-ins" });
  await chart.waitFor();
  assert.notEqual(await chart.getByRole("strong").or(chart.locator("strong")).first().textContent(), "0");
  await chart.getByText("Show the numbers").click();
  assert.equal(await chart.locator("tbody").getByRole("row").count(), 30);
  await page.getByLabel("Period").selectOption("Last 7 days");
  await page.waitForURL(/days=7/);
  await page.getByRole("heading", { name: "Last 7 days" }).waitFor();
  await section(page, "Mail").waitFor();
  await section(page, "Recent events").getByRole("listitem").first().waitFor();
  await leave();
});
