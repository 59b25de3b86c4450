// Signing up with an invitation, and without one in each mode of the setting SIGN_UP.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PASSWORD,
  adminToken,
  link,
  login,
  mail,
  mails,
  ok,
  refused,
  send,
  signUp,
  userToken,
} from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { askForCode, codeMail, sessions, typeCode } from "./support/email-codes.mjs";
import { section, signIn, expectMessage, visit } from "./support/visitor.mjs";

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
  const judged = page.waitForResponse(/auth\/invitation/);
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
  await page.getByText("You need an invitation to sign up here.").waitFor();
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

test("a valid invitation says who invites, and shows no error", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  const { page, leave } = await visit(browser, postern);
  const verified = page.waitForResponse("**/api/auth/invitation");
  await page.goto(`/signup?referrer=${referrer}`);
  const { is_valid, inviter } = await (await verified).json();
  assert.deepEqual([is_valid, typeof inviter], [true, "string"]);
  await page.getByText(`${inviter} invites you to`).waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  await leave();
});

test("an expired invitation is reported before the user types anything", async () => {
  const referrer = await userToken(postern, await adminToken(postern));
  await postern.sql("UPDATE user_tokens SET expires_at = created_at + 1");
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/signup?referrer=${referrer}`);
  await expectMessage(page, "This invitation is invalid or has expired. Ask for a new one.");
  // There is no form that could not work.
  assert.equal(await page.getByLabel("Password").count(), 0);
  await page.getByRole("button", { name: "Enter another invitation" }).click();
  await page.getByLabel("Invitation").waitFor();
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
  await expectMessage(page, "Check the fields that are marked.");
  for (const { loc, msg } of answer.body.detail) {
    const field = page.locator(`[name=${loc[1]}]`);
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    assert.equal(
      await page.locator(`[id="${await field.getAttribute("aria-describedby")}"]`).textContent(),
      `${msg.charAt(0).toUpperCase()}${msg.slice(1)}.`,
    );
  }
  const first = page.locator("[aria-invalid=true]").first();
  assert.ok(await first.evaluate((field) => field === document.activeElement));

  // The error of a field is gone as soon as it has another value.
  await page.getByLabel("Password").fill(PASSWORD);
  await page.locator("[name=password]:not([aria-invalid])").waitFor();
  assert.equal(await page.getByLabel("Email").getAttribute("aria-invalid"), "true");
  await leave();
});

test("an email that is taken is reported, and the page links to the sign-in page", async () => {
  await signUp(postern, "ada@example.com");
  const referrer = await userToken(postern, await adminToken(postern));
  const { page, leave } = await visit(browser, postern);
  await page.goto(`/signup?referrer=${referrer}&email=ada%40example.com`);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expectMessage(page, "This email is already in use.");
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.waitForURL("/signin");
  await leave();
});

let current = "invitation";

/** Adds a test that runs in a mode of the setting. */
function inMode(mode, what, run) {
  test(what, async () => {
    if (current !== mode) await postern.restart({ settings: { SIGN_UP: mode } });
    current = mode;
    const { page, leave } = await visit(browser, postern);
    await run(page);
    await leave();
  });
}

/** Fills the form in and sends it. Returns what the mail contains. */
async function apply(page, email, fields = {}) {
  await page.goto("/signup");
  await page.getByLabel("Email").fill(email);
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(value);
  return await codeMail(postern, email, async () => {
    await page.getByRole("button", { name: "Sign up" }).dblclick();
    await expectMessage(page, `An email is on its way to ${email}.`);
  });
}

const isVerified = async (email) =>
  (await postern.sql("SELECT is_verified FROM users WHERE email = ?", email))[0]?.is_verified;

inMode("open", "open: a code from the email creates the account, with a verified email", async (page) => {
  const email = "open@example.com";
  await page.goto("/signin");
  await page.getByRole("link", { name: "Sign up" }).click();
  await page.waitForURL("/signup");
  const { code } = await apply(page, email, { Name: "Grace", Password: PASSWORD });
  assert.equal(await isVerified(email), undefined);
  await typeCode(page, code);
  await page.waitForURL("/account");
  assert.equal(await section(page, "Profile").getByLabel("Name").inputValue(), "Grace");
  assert.equal(await isVerified(email), 1);
  assert.equal((await mails(postern, email)).length, 1);
  // Nothing of the sign-up stays in the browser. The account page keeps the language of the account there, after an answer, and that there
  // is a session.
  const { language, "has-session": _, ...kept } = await page.evaluate(() => ({ ...localStorage }));
  assert.deepEqual(kept, {});
  assert.ok([undefined, "en"].includes(language), language);
  ok(await login(postern, email));
});

inMode("open", "open: the link creates the account with one click, without a password", async (page) => {
  const email = "passwordless@example.com";
  const { code, href } = await apply(page, email);
  const other = await visit(browser, postern);
  await other.page.goto(href);
  await other.page.getByRole("heading", { name: "Your code" }).waitFor();
  await other.page.getByText(code, { exact: true }).waitFor();
  await other.leave();
  const tab = await page.context().newPage();
  await tab.goto(href);
  await tab.getByText(`You are signing up as ${email}.`).waitFor();
  assert.equal(await isVerified(email), undefined);
  await tab.getByRole("button", { name: "Sign up" }).dblclick();
  await tab.waitForURL("/account");
  await page.waitForURL("/account");
  assert.equal(await sessions(postern, email), 1);
});

inMode("open", "open: an email that has an account sees the same, and its owner gets another mail", async (page) => {
  const email = "taken@example.com";
  await signUp(postern, email);
  await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", email);
  const { code, href, subject } = await apply(page, email, { Password: PASSWORD });
  assert.match(subject, /already have/);
  assert.deepEqual([code, href], [undefined, undefined]);
  await typeCode(page, "123456");
  await expectMessage(page, "The code is wrong or has expired.");
});

inMode("open", "open: what the user has typed survives an error and a new start", async (page) => {
  const email = "careful@example.com";
  await page.goto("/signup");
  await page.getByLabel("Email").fill("careful@nowhere");
  await page.getByLabel("Name").fill("Careful");
  await page.getByLabel("Password").fill("password");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.locator("[aria-invalid=true]").nth(1).waitFor();
  assert.equal(await page.locator("[aria-invalid=true]").count(), 2);
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "Check your email" }).waitFor();
  await page.getByRole("button", { name: "start again" }).click();
  assert.equal(await page.getByLabel("Email").inputValue(), email);
  assert.equal(await page.getByLabel("Name").inputValue(), "Careful");
  assert.equal(await page.getByLabel("Password").inputValue(), "");
});

inMode("open", "open: an invitation still works at once", async (page) => {
  const referrer = await userToken(postern, await adminToken(postern));
  await page.goto(`/signup?referrer=${referrer}&email=invited%40example.com`);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.waitForURL("/account");
  assert.equal(await isVerified("invited@example.com"), 0);
});

inMode("open", "open: signing in by email signs up, and the link works where the user has asked", async (page) => {
  const email = "newcomer@example.com";
  const { href } = await askForCode(page, postern, email);
  assert.equal(new URL(href).pathname, "/signup");
  await page.goto(href);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.waitForURL("/account");
  assert.equal(await isVerified(email), 1);
});

inMode("domains:example.org", "domains: only an email at the domain signs up", async (page) => {
  await page.goto("/signup");
  await page.getByText("You can sign up with an email at certain domains").waitFor();
  await page.getByLabel("Email").fill("ada@example.org.evil.example");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expectMessage(page, "You cannot sign up with an email at this domain.");
  const { code } = await apply(page, "ada@example.org");
  await typeCode(page, code);
  await page.waitForURL("/account");
});

inMode("approval", "approval: an admin lets the user in, and both sides see what happens", async (page) => {
  const email = "applicant@example.com";
  const { code } = await apply(page, email, { Name: "Alan", Password: PASSWORD, Note: "I work with Ada." });
  await typeCode(page, code);
  await page.getByRole("heading", { name: "Waiting for approval" }).and(page.locator(":focus")).waitFor();
  await expectMessage(page, `We will email ${email} when they have decided.`);
  refused(await login(postern, email), 401, "wrong_credentials");

  const admin = await visit(browser, postern);
  await signIn(admin.page, "admin", "admin");
  await admin.page.goto("/admin");
  await admin.page.getByRole("link", { name: "Sign-ups" }).click();
  const queue = section(admin.page, "Sign-ups");
  const row = queue.getByRole("listitem").filter({ hasText: email });
  await row.getByText("I work with Ada.").waitFor();
  await row.getByText("Alan · Signed up").waitFor();
  const approve = row.getByRole("button", { name: `Approve: ${email}` });
  await approve.click();
  const dialog = admin.page.getByRole("dialog", { name: `Approve ${email}?` });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await approve.and(admin.page.locator(":focus")).waitFor();
  assert.equal(await isVerified(email), undefined);
  await approve.click();
  await dialog.getByRole("button", { name: "Approve" }).dblclick();
  await expectMessage(queue, `${email} has been approved, and gets an email about it.`);
  await queue.getByText("No sign-ups are waiting.").waitFor();
  assert.equal(await admin.page.locator(":focus").textContent(), "Sign-ups");
  await admin.leave();

  await page.goto(new URL((await mail(postern, email, /is ready/)).text.match(/https?:\/\/\S+/)[0]).href);
  await signIn(page, email);
});

inMode("approval", "approval: an admin rejects a sign-up", async (page) => {
  const email = "rejected@example.com";
  const { code } = await apply(page, email);
  await typeCode(page, code);
  await page.getByRole("heading", { name: "Waiting for approval" }).waitFor();
  const admin = await visit(browser, postern);
  await signIn(admin.page, "admin", "admin");
  await admin.page.goto("/admin#sign-ups");
  const queue = section(admin.page, "Sign-ups");
  await queue.getByRole("button", { name: `Reject: ${email}` }).click();
  const dialog = admin.page.getByRole("dialog", { name: `Reject ${email}?` });
  await dialog.getByRole("button", { name: "Reject" }).click();
  await expectMessage(queue, `${email} has been rejected, and gets an email about it.`);
  await admin.leave();
  await mail(postern, email, /Your request to join/);
  assert.equal(await isVerified(email), undefined);
});

inMode("approval", "approval: two admins cannot decide about the same sign-up", async (page) => {
  const email = "contested@example.com";
  const { code } = await apply(page, email);
  await typeCode(page, code);
  await page.getByRole("heading", { name: "Waiting for approval" }).waitFor();
  const admin = await visit(browser, postern);
  await signIn(admin.page, "admin", "admin");
  await admin.page.goto("/admin#sign-ups");
  const queue = section(admin.page, "Sign-ups");
  await queue.getByRole("button", { name: `Reject: ${email}` }).click();
  await postern.sql("DELETE FROM sign_ups WHERE email = ?", email);
  await admin.page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  await expectMessage(queue, `Another admin has already decided about ${email}.`);
  await queue.getByText("No sign-ups are waiting.").waitFor();
  assert.equal(await admin.page.getByRole("dialog").count(), 0);
  await admin.leave();
});

inMode("closed", "closed: nobody can sign up, with or without an invitation", async (page) => {
  for (const path of ["/signup", "/signup?referrer=abcdefghij"]) {
    await page.goto(path);
    await page.getByText("Nobody can sign up here. Ask an admin for an account.").waitFor();
    assert.equal(await page.getByRole("textbox").count(), 0);
  }
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.waitForURL("/signin");
  assert.equal(await page.getByRole("link", { name: "Sign up" }).count(), 0);
});
