// The sign-in page, and what the browser stores of a session.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, adminToken, signUp, userToken } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { LAN_HOST, startBrowser } from "./support/browser.mjs";
import { expectMessage, openView, section, signIn, signOut, visit, visitWithoutCookies } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
  await signUp(postern, "ada@example.com");
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

test("a user can sign in with the keyboard alone", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/");
  await page.waitForURL("/signin");
  await page.getByLabel("Email").and(page.locator(":focus")).waitFor();
  await page.keyboard.type("ada@example.com");
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL("/account");
  await section(page, "Profile").getByText("ada@example.com").waitFor();
  // Tab from the top of the page to the menu of the user, whose button has no text, then sign out.
  for (const name of ["Skip to content", "Postern", "Account", ""]) {
    await page.keyboard.press("Tab");
    assert.equal(await page.locator(":focus").textContent(), name);
  }
  await page.keyboard.press("Enter");
  for (const name of ["Account", "Sign out"]) {
    await page.keyboard.press("Tab");
    assert.equal(await page.locator(":focus").textContent(), name);
  }
  await page.keyboard.press("Enter");
  await page.waitForURL("/signin");
  await leave();
});

test("every focused element has a visible outline", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").waitFor();
  const outlines = [];
  const focused = () => page.evaluate(() => document.activeElement.localName);
  while ((await focused()) !== "body") {
    outlines.push(await page.evaluate(() => getComputedStyle(document.activeElement).outline));
    await page.keyboard.press("Tab");
  }
  assert.ok(outlines.length > 3);
  for (const outline of outlines) assert.match(outline, /solid 2px$/);
  await leave();
});

test("an error shows the message of the service and keeps the input", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill("wrong password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(page, "The email or the password is wrong.");
  assert.equal(await page.getByLabel("Email").inputValue(), "ada@example.com");
  await leave();
});

test("an unreachable service is reported", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.route("**/api/auth/login", (route) => route.fulfill({ status: 502, body: "<h1>Bad gateway</h1>" }));
  await page.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(page, "Something went wrong (status 502). Try again later.");
  await leave(/status of 502/);
});

test("a double click signs in once, and the button shows that it is busy", async () => {
  const { page, leave } = await visit(browser, postern);
  const logins = [];
  await page.route("**/api/auth/login", async (route) => {
    logins.push(route.request().method());
    await page.getByRole("button", { name: "Sign in" }).and(page.locator("[aria-busy=true]")).waitFor();
    await route.continue();
  });
  await page.goto("/signin");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).dblclick();
  await page.waitForURL("/account");
  await openView(page, "sessions");
  await section(page, "Sessions").waitFor();
  assert.deepEqual(logins, ["POST"]);
  await leave();
});

test("the sign-in page says that a session has ended, once, and not to other visitors", async () => {
  const { page, leave } = await visit(browser, postern);
  const ended = page.getByText("Your session has ended. Sign in again.");
  const openAsStranger = async () => {
    const known = page.waitForResponse(
      (response) => response.url().endsWith("/api/auth/me") && response.request().frame().url().endsWith("/signin"),
    );
    await page.goto("/account#security");
    await (await known).finished();
    // The message would be in the page's next picture.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  };
  await openAsStranger();
  assert.equal(await ended.count(), 0);

  await signIn(page, "ada@example.com");
  await page.context().clearCookies();
  await page.reload();
  await ended.waitFor();
  await page.reload();
  await page.getByLabel("Email").waitFor();
  assert.equal(await ended.count(), 0);

  await signIn(page, "ada@example.com");
  await signOut(page);
  await openAsStranger();
  assert.equal(await ended.count(), 0);
  await leave();
});

test("no script can read the session", async () => {
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "ada@example.com");
  const readable = await page.evaluate(() => [document.cookie, { ...localStorage }, { ...sessionStorage }]);
  // Only that there is one.
  assert.deepEqual(readable, ["", { "has-session": "1" }, {}]);
  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, secure, sameSite, path }) => ({ name, httpOnly, secure, sameSite, path })),
    [{ name: "local-session", httpOnly: true, secure: false, sameSite: "Strict", path: "/" }],
  );
  await leave();
});

test("a browser that blocks cookies gets an explanation instead of a redirect loop", async () => {
  const { page, leave } = await visitWithoutCookies(postern);
  await page.goto("/account");
  await page.waitForURL("/signin");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(page, "You are not signed in. Your browser blocked the cookie of this site.");
  assert.equal(new URL(page.url()).pathname, "/signin");
  const { host } = new URL(postern.url);
  await expectMessage(page, `Allow cookies for ${host}, then sign in again.`);

  const referrer = await userToken(postern, await adminToken(postern));
  await page.goto(`/signup?referrer=${referrer}&email=cookieless@example.com`);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expectMessage(page, "Your account has been created, but you are not signed in.");
  // The unusable sessions have ended.
  const sessions = "SELECT count(*) AS count FROM sessions JOIN users ON users.id = user_id WHERE email = ?";
  assert.deepEqual(await postern.sql(sessions, "cookieless@example.com"), [{ count: 0 }]);
  await leave();
});

test("a page opened at a different address links to APP_URL", async () => {
  const { page, leave } = await visit(browser, postern);
  const { port } = new URL(postern.url);
  await page.goto(`http://${LAN_HOST}:${port}/account`);
  await page.waitForURL(`http://${LAN_HOST}:${port}/signin`);
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(page, `Signing in does not work at http://${LAN_HOST}:${port}.`);
  await expectMessage(page, /Open http:\/\/localhost:\d+\/signin and sign in there\./);
  await leave(/Cross-Origin-Opener-Policy header has been ignored/);
});

test("a late 401 for an older request does not end a newer session", async () => {
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "ada@example.com");
  // Otherwise a section that still loads would leave the page.
  await page.waitForLoadState("networkidle");
  // The session ends elsewhere; the response to a request that carries it arrives after the next sign-in.
  await postern.sql("DELETE FROM sessions");
  const [refused, release] = [Promise.withResolvers(), Promise.withResolvers()];
  await page.route("**/api/auth/me/sessions", async (route) => {
    const response = await route.fetch();
    refused.resolve(response.status());
    await release.promise;
    await route.fulfill({ response });
  });
  const late = page.evaluate(() => fetch("/api/auth/me/sessions").then(({ status }) => status));
  assert.equal(await refused.promise, 401);
  const other = await page.context().newPage();
  await signIn(other, "ada@example.com");
  release.resolve();
  assert.equal(await late, 401);
  await other.reload();
  await section(other, "Profile").getByText("ada@example.com").waitFor();
  await leave();
});

test("an injected script does not run", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Email").waitFor();
  const stopped = await page.evaluate(async () => {
    const violation = new Promise((resolve) => addEventListener("securitypolicyviolation", resolve, { once: true }));
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    return [(await violation).effectiveDirective, Reflect.get(window, "ran") ?? false];
  });
  assert.deepEqual(stopped, ["script-src-elem", false]);
  await leave(/Content Security Policy/);
});

test("after signing out, the back button shows nothing of the account", async () => {
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "ada@example.com");
  await page.goto("/forgot-password");
  await page.goto("/account");
  await signOut(page);
  await page.goBack();
  await page.waitForURL("/forgot-password");
  await page.goBack();
  await page.waitForURL("/signin");
  await page.getByLabel("Email").waitFor();
  assert.equal(await page.getByText("ada@example.com").count(), 0);
  await leave();
});

test("signing out while the page still loads goes to the sign-in page once", async () => {
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "ada@example.com");
  // The response to a call of the page arrives after the session has ended, while the browser already leaves.
  let release;
  const signedOut = new Promise((resolve) => (release = resolve));
  await page.route("**/api/auth/me/sessions", async (route) => {
    await signedOut;
    await route.continue();
  });
  let visits = 0;
  await page.route("**/signin", async (route) => {
    visits += 1;
    const rejected = page.waitForResponse("**/api/auth/me/sessions");
    release();
    await rejected;
    // Time for a second navigation, which would abort this one.
    await page.waitForTimeout(300);
    await route.continue().catch(() => {});
  });
  await page.goto("/account");
  await signOut(page);
  await page.getByLabel("Email").waitFor();
  assert.equal(visits, 1);
  await leave();
});

test("a user whose session ended elsewhere signs in and returns to the same page", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/admin#tree");
  await page.waitForURL("/signin?next=%2Fadmin%23tree");
  await page.getByLabel("Email").fill("admin");
  await page.getByLabel("Password").fill("admin");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/admin#tree");
  await leave();
});

test("a sign-in link cannot redirect to another site", async () => {
  for (const next of ["https://evil.example/", "//evil.example", "/admin.evil.example", "javascript:alert(1)"]) {
    const { page, leave } = await visit(browser, postern);
    await page.goto(`/signin?next=${encodeURIComponent(next)}`);
    await page.getByLabel("Email").fill("ada@example.com");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("/account");
    await leave();
  }
});

test("a session that ended while the page was open goes on after a sign-in in another tab, with what was typed", async () => {
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "ada@example.com");
  const profile = section(page, "Profile");
  await profile.getByLabel("Name").fill("Ada Lovelace");
  await postern.sql("DELETE FROM sessions");
  await profile.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  const opened = page.context().waitForEvent("page");
  await dialog.getByRole("link", { name: "Sign in in a new tab" }).click();
  const tab = await opened;
  await tab.getByLabel("Email").fill("ada@example.com");
  await tab.getByLabel("Password").fill(PASSWORD);
  await tab.getByRole("button", { name: "Sign in" }).click();
  await tab.waitForURL("/account");
  await tab.close();
  await dialog.getByRole("button", { name: "I have signed in" }).click();
  await expectMessage(page, "Name saved.");
  assert.deepEqual(await postern.sql("SELECT name FROM users WHERE email = 'ada@example.com'"), [
    { name: "Ada Lovelace" },
  ]);
  await leave();
});

test("somebody who is signed in is offered to continue, or to use another account", async () => {
  const { page, leave } = await visit(browser, postern);
  await signUp(postern, "two@example.com");
  await signIn(page, "ada@example.com");
  await page.goto("/signin?next=/admin");
  const go = page.getByRole("link", { name: /^Continue as/ });
  await go.waitFor();
  assert.equal(await go.getAttribute("href"), "/admin");
  await page.getByLabel("Email").fill("two@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/admin");
  await page.getByRole("button", { name: "Account menu of two@example.com" }).waitFor();
  await leave();
});

test("a password can be shown, and is hidden again when the form is sent", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  const field = page.getByLabel("Password");
  await page.getByLabel("Email").fill("ada@example.com");
  await field.fill("wrong password");
  await page.getByRole("button", { name: "Show" }).click();
  assert.equal(await field.getAttribute("type"), "text");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(page, "The email or the password is wrong.");
  assert.equal(await field.getAttribute("type"), "password");
  await leave();
});

test("the language that a visitor chooses is kept, and errors are in it", async () => {
  const { page, leave } = await visit(browser, postern);
  await page.goto("/signin");
  await page.getByLabel("Language").selectOption("Deutsch");
  await page.getByRole("heading", { name: "Anmelden" }).waitFor();
  await page.goto("/forgot-password");
  await page.getByRole("heading", { name: "Passwort vergessen?" }).waitFor();
  await page.goto("/signin");
  await page.getByLabel("E-Mail-Adresse").fill("ada@example.com");
  await page.getByLabel("Passwort").fill("falsch");
  const answer = page.waitForResponse("**/api/auth/login");
  await page.getByRole("button", { name: "Anmelden" }).click();
  const { error } = await (await answer).json();
  assert.doesNotMatch(error, /wrong/);
  await expectMessage(page, error);
  await leave();
});
