// Signing in with a code or a link by email.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, login, mails, ok, refused, send, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { totp } from "../workerd/support/totp.mjs";
import { forgetLastCode, makeStale } from "./support/authenticator.mjs";
import { startBrowser } from "./support/browser.mjs";
import { another, askForCode, codeMail, sessions, typeCode } from "./support/email-codes.mjs";
import { expectMessage, openView, section, signIn, visit } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

/** Signs up a user with a verified email, who is not signed in. */
async function enroll(email) {
  const { user, token } = await signUp(postern, email);
  await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", email);
  ok(await send(postern, "POST", "/api/auth/logout", { token }));
  return user;
}

const focused = (page) => page.locator(":focus");
async function stored(page) {
  const { "has-session": _, ...kept } = await page.evaluate(() => ({ ...localStorage }));
  return kept;
}

test("a code from an email signs in, with the keyboard alone, after a wrong one", async () => {
  const email = "code@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").and(focused(page)).waitFor();
  await page.keyboard.type(email);
  const { code } = await codeMail(postern, email, async () => {
    await page.getByRole("button", { name: "Email me a code" }).press("Enter");
    await expectMessage(page, `If you can sign in with ${email}, an email is on its way.`);
  });
  const field = page.getByLabel("Code");
  assert.equal(await field.getAttribute("autocomplete"), "one-time-code");
  assert.equal(await field.getAttribute("inputmode"), "numeric");
  await typeCode(page, another(code));
  await expectMessage(page, "The code is wrong or has expired.");
  assert.equal(await sessions(postern, email), 0);
  await field.fill(` ${code.slice(0, 3)} ${code.slice(3)}`);
  await field.press("Enter");
  await page.waitForURL("/account");
  await section(page, "Profile").getByText(email).waitFor();
  assert.deepEqual(await stored(page), {});
  assert.equal(await page.evaluate(() => document.cookie), "");
  await leave();
});

test("one click on the link signs in where the user has asked, and the other tab follows", async () => {
  const email = "link@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  const { href } = await askForCode(page, postern, email);
  const tab = await page.context().newPage();
  await tab.goto(href);
  await tab.getByText(`You are signing in as ${email}.`).waitFor();
  // The link is neither in the address bar nor in the history, and does nothing by itself.
  assert.equal(new URL(tab.url()).hash, "");
  assert.equal(await sessions(postern, email), 0);
  await tab.reload();
  await tab.getByRole("button", { name: "Sign in" }).click();
  await tab.waitForURL("/account");
  await page.waitForURL("/account");
  await section(page, "Profile").getByText(email).waitFor();
  assert.equal(await sessions(postern, email), 1);
  assert.deepEqual(await stored(tab), {});

  await tab.goto(href);
  await tab.getByRole("heading", { name: "Your code" }).waitFor();
  await leave();
});

test("in another browser the link shows only the code, which works where the user has asked", async () => {
  const email = "elsewhere@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  const { code, href } = await askForCode(page, postern, email);
  const phone = await visit(browser, postern);
  await phone.page.goto(href);
  await phone.page.getByRole("heading", { name: "Your code" }).waitFor();
  await phone.page.getByText(code, { exact: true }).waitFor();
  await phone.page.getByText("This browser did not ask for the code").waitFor();
  assert.equal(await phone.page.getByRole("button", { name: "Sign in" }).count(), 0);
  await phone.page.getByRole("button", { name: "Copy: code" }).click();
  await expectMessage(phone.page, "Code copied.");
  assert.equal(await phone.page.evaluate(() => navigator.clipboard.readText()), code);
  assert.equal(new URL(phone.page.url()).hash, "");
  await phone.page.goto("/account");
  await phone.page.waitForURL("/signin");
  assert.deepEqual(await phone.page.context().cookies(), []);
  await phone.leave();

  await typeCode(page, code);
  await page.waitForURL("/account");
  await leave();
});

test("two browsers that ask at the same time each use their own email", async () => {
  const email = "both@example.com";
  await enroll(email);
  const [one, two] = [await visit(browser, postern), await visit(browser, postern)];
  const first = await askForCode(one.page, postern, email);
  const second = await askForCode(two.page, postern, email);
  await typeCode(two.page, first.code);
  await expectMessage(two.page, "The code is wrong or has expired.");
  await one.page.goto(second.href);
  await one.page.getByRole("heading", { name: "Your code" }).waitFor();
  await one.page.goto(first.href);
  await one.page.getByRole("button", { name: "Sign in" }).click();
  await one.page.waitForURL("/account");
  await two.page.getByLabel("Code").fill(second.code);
  await two.page.keyboard.press("Enter");
  await two.page.waitForURL("/account");
  await one.leave();
  await two.leave();
});

test("double clicks ask once and sign in once, and the buttons show that they are busy", async () => {
  const email = "double@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  const requests = [];
  await page.route("**/api/auth/login/email**", async (route) => {
    requests.push(new URL(route.request().url()).pathname);
    const button = page.getByRole("button", { name: requests.length === 1 ? "Email me a code" : "Sign in" });
    await button.and(page.locator("[aria-busy=true]")).waitFor();
    await route.continue();
  });
  await page.goto("/signin");
  await page.getByLabel("Email").fill(email);
  const { code } = await codeMail(postern, email, () =>
    page.getByRole("button", { name: "Email me a code" }).dblclick(),
  );
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Sign in" }).dblclick();
  await page.waitForURL("/account");
  await openView(page, "sessions");
  await section(page, "Sessions").waitFor();
  assert.deepEqual(requests, ["/api/auth/login/email", "/api/auth/login/email/verify"]);
  await leave();
});

test("an email that is missing or invalid is reported, and the user can go back to the password", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByRole("button", { name: "Email me a code" }).click();
  await page.getByRole("heading", { name: "Sign in by email" }).waitFor();
  const field = page.getByLabel("Email");
  await field.and(focused(page)).waitFor();
  await field.fill("ada@nowhere");
  await page.keyboard.press("Enter");
  await page.locator("[aria-invalid=true]").and(focused(page)).waitFor();
  await page.getByRole("button", { name: "Use a password or a passkey" }).click();
  await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
  assert.equal(await field.inputValue(), "ada@nowhere");
  await leave();
});

test("an unknown email sees the same page and gets no mail", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").fill("unknown@example.com");
  await page.getByRole("button", { name: "Email me a code" }).click();
  await expectMessage(page, "If you can sign in with unknown@example.com, an email is on its way.");
  await typeCode(page, "123456");
  await expectMessage(page, "The code is wrong or has expired.");
  assert.deepEqual(await mails(postern, "unknown@example.com"), []);
  await leave();
});

test("a reload continues with the code, and a new visit does not", async () => {
  const email = "reload@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  const { code } = await askForCode(page, postern, email);
  const other = await page.context().newPage();
  await other.goto("/signin");
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.reload();
  await typeCode(page, code);
  await page.waitForURL("/account");
  await leave();
});

test("a user without the email starts again", async () => {
  const email = "again@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  await askForCode(page, postern, email);
  await page.getByRole("button", { name: "start again" }).click();
  await page.getByLabel("Email").and(focused(page)).waitFor();
  assert.equal(await page.getByLabel("Email").inputValue(), email);
  const { code } = await codeMail(postern, email, () =>
    page.getByRole("button", { name: "Email me a code" }).press("Enter"),
  );
  await typeCode(page, code);
  await page.waitForURL("/account");
  await leave();
});

test("a link that was used says so", async () => {
  const email = "used@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  const { code, href } = await askForCode(page, postern, email);
  const tab = await page.context().newPage();
  await tab.goto(href);
  await tab.getByText(`You are signing in as ${email}.`).waitFor();
  await typeCode(page, code);
  await page.waitForURL("/account");
  await tab.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(tab, "This link has been used or has expired.");
  await tab.getByRole("button", { name: "Start again" }).click();
  assert.equal(await tab.getByLabel("Email").inputValue(), email);
  await leave();
});

test("a browser that forgets what it stores can still use the code in the same tab", async () => {
  const email = "storage@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  await page.addInitScript(() => {
    Object.defineProperty(window, "localStorage", {
      get: () => {
        throw new DOMException("Storage is blocked.", "SecurityError");
      },
    });
  });
  const { code } = await askForCode(page, postern, email);
  await typeCode(page, code);
  await page.waitForURL("/account");
  await leave();
});

test("a user who is offline learns it and tries again", async () => {
  const email = "offline@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").fill(email);
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Email me a code" }).click();
  await expectMessage(page, "The service cannot be reached. Check your connection and try again.");
  await page.context().setOffline(false);
  const { code } = await codeMail(postern, email, () => page.getByRole("button", { name: "Email me a code" }).click());
  const field = page.getByLabel("Code");
  await field.fill(code);
  await page.context().setOffline(true);
  await field.press("Enter");
  await expectMessage(page, "The service cannot be reached. Check your connection and try again.");
  await page.context().setOffline(false);
  await field.press("Enter");
  await page.waitForURL("/account");
  await leave(/ERR_INTERNET_DISCONNECTED/);
});

test("a second factor follows the code", async () => {
  const email = "factor@example.com";
  const { token } = await signUp(postern, email);
  const { secret } = ok(await send(postern, "POST", "/api/auth/me/totp", { token }));
  ok(await send(postern, "PUT", "/api/auth/me/totp", { token, json: { code: totp(secret) } }));
  await forgetLastCode(postern, email);
  await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", email);
  const { page, leave } = await visit(browser, postern);
  const { href } = await askForCode(page, postern, email);
  const before = await sessions(postern, email);
  await page.goto(href);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  assert.equal(await sessions(postern, email), before);
  await typeCode(page, totp(secret));
  await page.waitForURL("/account");
  assert.deepEqual(await stored(page), {});
  await leave();
});

test("the link leads back to the page that asked for a session", async () => {
  const email = "back@example.com";
  await enroll(email);
  await postern.sql("UPDATE users SET role = 'admin' WHERE email = ?", email);
  const { page, leave } = await visit(browser, postern);
  const { href } = await askForCode(page, postern, email, "/admin#tree");
  const tab = await page.context().newPage();
  await tab.goto(href);
  await tab.getByRole("button", { name: "Sign in" }).click();
  await tab.waitForURL("/admin#tree");
  await page.waitForURL("/admin#tree");
  await leave();
});

test("the owner of the mailbox takes over an account that someone else has created", async () => {
  const email = "claimed@example.com";
  const { token } = await signUp(postern, email);
  const { page, leave } = await visit(browser, postern);
  const { code } = await askForCode(page, postern, email);
  await typeCode(page, code);
  await page.waitForURL("/account");
  await section(page, "Profile").getByText(email).waitFor();
  assert.equal(await section(page, "Verify your email").count(), 0);
  refused(await send(postern, "GET", "/api/auth/me", { token }), 401, "invalid_token");
  refused(await login(postern, email, PASSWORD), 401, "wrong_credentials");
  await leave();
});

test("a code by email confirms that it is the user", async () => {
  const email = "confirm@example.com";
  await enroll(email);
  const { page, leave } = await visit(browser, postern);
  await signIn(page, email);
  await makeStale(postern, email);
  await openView(page, "security");
  await section(page, "Second factor").getByRole("button", { name: "Set up" }).click();
  const dialog = page.getByRole("dialog", { name: "Confirm that it is you" });
  const { code, href } = await codeMail(postern, email, () =>
    dialog.getByRole("button", { name: "Email me a code" }).dblclick(),
  );
  assert.equal(href, undefined);
  await expectMessage(dialog, `A code is on its way to ${email}.`);
  const field = dialog.getByLabel("Code");
  await field.and(focused(page)).waitFor();
  await field.fill(another(code));
  await field.press("Enter");
  await expectMessage(dialog, "We could not confirm that it is you.");
  await field.fill(code);
  await field.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await section(page, "Second factor").getByRole("img", { name: "QR code" }).waitFor();
  const sent = (await mails(postern, email)).filter(({ text }) => text.includes(code));
  assert.equal(sent.length, 1);
  await leave();
});

test("where sign-in by email is off, the page does not offer it", async () => {
  await postern.restart({ settings: { EMAIL_SIGN_IN: "off" } });
  try {
    const { page, leave } = await visit(browser, postern);
    await page.goto("/signin");
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Email me a code" }).count(), 0);
    await leave();
  } finally {
    await postern.restart({ settings: { EMAIL_SIGN_IN: "on" } });
  }
});
