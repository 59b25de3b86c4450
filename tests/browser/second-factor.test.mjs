// Second factors on the pages: the authenticator app, recovery codes, the second step of a sign-in, and the dialog before sensitive
// changes.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { PASSWORD, login, mail, ok, refused, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { totp } from "../workerd/support/totp.mjs";
import {
  addAuthenticator,
  forgetLastCode,
  makeStale,
  withoutAutofill,
  withoutPasskeys,
} from "./support/authenticator.mjs";
import { startBrowser } from "./support/browser.mjs";
import { expectMessage, openView, section, signIn, signOut, visit } from "./support/visitor.mjs";

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
  await signIn(visitor.page, email, PASSWORD, "security");
  return visitor;
}

const factor = (page) => section(page, "Second factor");
const focused = (page) => page.locator(":focus");

/** Opens the set-up of the authenticator app. Returns the secret, which the page shows in groups of four letters. */
async function beginSetup(page) {
  await factor(page).getByRole("button", { name: "Set up: authenticator app" }).click();
  const shown = await factor(page)
    .getByText(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/)
    .textContent();
  return shown.replaceAll(" ", "");
}

/** Returns the recovery codes that the page shows. */
async function readCodes(page) {
  const list = factor(page).getByRole("list", { name: "Recovery codes" });
  await list.waitFor();
  return await list.getByRole("listitem").allTextContents();
}

/** Sets the authenticator app up. Returns its secret and the recovery codes. */
async function setUp(page, email) {
  const secret = await beginSetup(page);
  await factor(page).getByRole("textbox", { name: "Code" }).fill(totp(secret));
  await factor(page).getByRole("button", { name: "Turn on", exact: true }).click();
  const codes = await readCodes(page);
  await factor(page).getByRole("button", { name: "I have saved the codes" }).click();
  await forgetLastCode(postern, email);
  return { secret, codes };
}

/** Signs out, and in again with the password. */
async function takeFirstStep(page, email) {
  if (await page.getByRole("button", { name: /^Account menu/ }).count()) {
    await signOut(page);
  } else {
    await page.goto("/signin");
  }
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "One more step" }).waitFor();
}

async function typeCode(page, code, label = "Code") {
  await page.getByLabel(label).and(focused(page)).waitFor();
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
}

test("an authenticator app is set up with a QR code or a typed key, after a wrong code", async () => {
  const { page, leave } = await enter("setup@example.com");
  await factor(page).getByText("Signing in takes one step.").waitFor();
  const secret = await beginSetup(page);
  assert.equal(await focused(page).textContent(), "Set up an authenticator app");
  const uri = new URL(await factor(page).getByRole("link", { name: "open it with this link" }).getAttribute("href"));
  assert.equal(uri.protocol, "otpauth:");
  assert.equal(uri.searchParams.get("secret"), secret);
  await factor(page).getByRole("img", { name: "QR code" }).waitFor();
  await factor(page).getByRole("button", { name: "Copy: key" }).click();
  await expectMessage(factor(page), "Key copied.");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);

  const code = factor(page).getByRole("textbox", { name: "Code" });
  const right = totp(secret);
  await code.fill(right === "000000" ? "000001" : "000000");
  await code.press("Enter");
  await expectMessage(factor(page), "The code is wrong.");
  await code.fill(totp(secret));
  await code.press("Enter");
  await factor(page).getByText("Signing in takes a second step.").waitFor();
  refused(await login(postern, "setup@example.com"), 403, "second_factor_required");
  await leave();
});

test("the QR code contains the link to the app", async () => {
  const { page, leave } = await enter("qr@example.com");
  await beginSetup(page);
  const uri = await factor(page).getByRole("link", { name: "open it with this link" }).getAttribute("href");
  const code = factor(page).getByRole("img", { name: "QR code" });
  await code.waitFor();
  const { generate } = await import("lean-qr");
  const expected = generate(uri);
  const path = await code.locator("path").getAttribute("d");
  const modules = new Set(path.match(/M\d+ \d+/g));
  for (let y = 0; y < expected.size; y++) {
    for (let x = 0; x < expected.size; x++) assert.equal(modules.has(`M${x} ${y}`), expected.get(x, y), `${x} ${y}`);
  }
  // Scanners need a light margin, also in the dark scheme.
  assert.equal(await code.locator("rect").getAttribute("fill"), "#fff");
  await leave();
});

test("a set-up can be canceled, and begins again with another key", async () => {
  const { page, leave } = await enter("canceled@example.com");
  const first = await beginSetup(page);
  await factor(page).getByRole("button", { name: "Cancel" }).click();
  await expectMessage(factor(page), "Nothing was changed.");
  assert.equal(await focused(page).textContent(), "Second factor");
  ok(await login(postern, "canceled@example.com"));
  assert.notEqual(await beginSetup(page), first);
  await leave();
});

test("recovery codes are shown once, to copy, print and download", async () => {
  const { page, leave } = await enter("codes@example.com");
  const secret = await beginSetup(page);
  await factor(page).getByRole("textbox", { name: "Code" }).fill(totp(secret));
  await factor(page).getByRole("button", { name: "Turn on", exact: true }).click();
  const list = factor(page).getByRole("list", { name: "Recovery codes" });
  await list.waitFor();
  assert.equal(await focused(page).textContent(), "Recovery codes of codes@example.com for Postern");
  const codes = await list.getByRole("listitem").allTextContents();
  assert.equal(new Set(codes).size, 10);

  await factor(page).getByRole("button", { name: "Copy: codes" }).click();
  await expectMessage(factor(page), "Codes copied.");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), codes.join("\n"));
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    factor(page).getByRole("button", { name: "Download: codes" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "recovery-codes.txt");
  const text = await readFile(await download.path(), "utf8");
  for (const line of ["Recovery codes of codes@example.com for Postern", ...codes])
    assert.ok(text.includes(line), line);

  const printed = page.evaluate(() => new Promise((resolve) => addEventListener("beforeprint", () => resolve(true))));
  await factor(page).getByRole("button", { name: "Print: codes" }).click();
  assert.equal(await printed, true);
  await page.emulateMedia({ media: "print" });
  await list.waitFor();
  assert.equal(await page.getByRole("button").count(), 0);
  assert.equal(await page.getByRole("region").filter({ hasNotText: "Recovery codes" }).count(), 0);
  await page.emulateMedia({ media: "screen" });

  await factor(page).getByRole("button", { name: "I have saved the codes" }).click();
  await list.waitFor({ state: "detached" });
  assert.equal(await focused(page).textContent(), "Second factor");
  await factor(page).getByText("10 left").waitFor();
  await page.reload();
  await factor(page).getByText("10 left").waitFor();
  assert.equal(await list.count(), 0);

  await factor(page).getByRole("button", { name: "Get new codes" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Get new codes" }).click();
  await list.waitFor();
  for (const code of await list.getByRole("listitem").allTextContents()) assert.ok(!codes.includes(code));
  await focused(page).filter({ hasText: "Recovery codes of codes@example.com" }).waitFor();
  await leave();
});

test("after the password, a code of the app completes the sign-in with the keyboard alone", async () => {
  const email = "app@example.com";
  const { page, leave } = await enter(email);
  const { secret } = await setUp(page, email);
  await takeFirstStep(page, email);
  const code = totp(secret);
  await typeCode(page, code === "000000" ? "000001" : "000000");
  await expectMessage(page, "The code is wrong or has expired.");
  await page.getByLabel("Code").fill(totp(secret));
  await page.keyboard.press("Enter");
  await page.waitForURL("/account");
  await openView(page, "security");
  await factor(page)
    .getByText(/Last used/)
    .waitFor();
  await leave();
});

test("a sign-in that starts again keeps the email and the focus", async () => {
  const email = "again@example.com";
  const { page, leave } = await enter(email);
  await setUp(page, email);
  await takeFirstStep(page, email);
  await page.getByRole("button", { name: "Start again" }).press("Enter");
  const field = page.getByLabel("Email");
  await field.and(focused(page)).waitFor();
  assert.equal(await field.inputValue(), email);
  await leave();
});

test("each recovery code replaces the app once", async () => {
  const email = "recovery@example.com";
  const { page, leave } = await enter(email);
  const { codes } = await setUp(page, email);
  await takeFirstStep(page, email);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await typeCode(page, codes[0], "Recovery code");
  await page.waitForURL("/account");
  await openView(page, "security");
  await factor(page).getByText("9 left").waitFor();
  assert.match((await mail(postern, email, /recovery code/i)).text, /9/);

  await takeFirstStep(page, email);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await typeCode(page, codes[0], "Recovery code");
  await expectMessage(page, "The code is wrong or has expired.");
  await page.getByLabel("Recovery code").fill(` ${codes[1].toUpperCase()} `);
  await page.keyboard.press("Enter");
  await page.waitForURL("/account");
  await leave();
});

test("a passkey is a second factor too", async () => {
  const email = "either@example.com";
  await signUp(postern, email);
  const { page, leave } = await visit(browser, postern);
  await addAuthenticator(page);
  await withoutAutofill(page);
  await signIn(page, email);
  await openView(page, "security");
  await section(page, "Passkeys").getByRole("button", { name: "Add a passkey" }).click();
  await expectMessage(section(page, "Passkeys"), "Passkey added.");
  ok(await login(postern, email));
  await factor(page).getByRole("button", { name: "Turn on with your passkeys" }).click();
  await expectMessage(factor(page), "Second factor turned on.");
  await factor(page).getByRole("button", { name: "I have saved the codes" }).click();

  await takeFirstStep(page, email);
  await page.getByRole("button", { name: "Use a passkey" }).and(focused(page)).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("/account");

  await openView(page, "security");
  await factor(page).getByRole("button", { name: "Turn off" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Turn off" }).click();
  await expectMessage(factor(page), "Second factor turned off.");
  assert.equal(await section(page, "Passkeys").getByRole("listitem").count(), 1);
  ok(await login(postern, email));
  await leave();
});

test("a browser without passkeys offers the other second steps", async () => {
  const email = "fallback@example.com";
  await signUp(postern, email);
  const { page, leave } = await visit(browser, postern);
  await addAuthenticator(page);
  await signIn(page, email);
  await openView(page, "security");
  await section(page, "Passkeys").getByRole("button", { name: "Add a passkey" }).click();
  await expectMessage(section(page, "Passkeys"), "Passkey added.");
  await factor(page).getByRole("button", { name: "Turn on with your passkeys" }).click();
  const [code] = await readCodes(page);
  const other = await visit(browser, postern);
  await withoutPasskeys(other.page);
  await takeFirstStep(other.page, email);
  assert.equal(await other.page.getByRole("button", { name: "passkey" }).count(), 0);
  await typeCode(other.page, code, "Recovery code");
  await other.page.waitForURL("/account");
  await other.leave();
  await leave();
});

test("a user who lost the phone gets in with a recovery code and sets up another one", async () => {
  const email = "lost@example.com";
  const { page, leave } = await enter(email);
  const { codes } = await setUp(page, email);
  await takeFirstStep(page, email);
  await page.getByText("Lost your phone?").click();
  await page.getByText("If you have none left, ask an admin to reset your second factors.").waitFor();
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await typeCode(page, codes[3], "Recovery code");
  await page.waitForURL("/account");
  await openView(page, "security");
  await factor(page).getByText("If you lose your phone").click();
  await factor(page).getByText("Remove the lost authenticator app or passkey here").waitFor();
  await factor(page).getByRole("button", { name: "Remove: authenticator app" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expectMessage(factor(page), "Authenticator app removed.");
  const { secret } = await setUp(page, email);
  await takeFirstStep(page, email);
  await typeCode(page, totp(secret));
  await page.waitForURL("/account");
  await leave();
});

test("an admin resets the second factors of a user who lost everything", async () => {
  const email = "everything@example.com";
  const { page, leave } = await enter(email);
  await setUp(page, email);
  const admin = await visit(browser, postern);
  await signIn(admin.page, "admin", "admin");
  const [{ id }] = await postern.sql("SELECT id FROM users WHERE email = ?", email);
  await admin.page.goto(`/admin#user?id=${id}`);
  await admin.page.getByRole("button", { name: "Reset second factors" }).click();
  const dialog = admin.page.getByRole("dialog", { name: `Reset the second factors of ${email}?` });
  await dialog.getByText("First make sure that the request comes from the user").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  refused(await login(postern, email), 403, "second_factor_required");
  await admin.page.getByRole("button", { name: "Reset second factors" }).click();
  await dialog.getByRole("button", { name: "Reset second factors" }).click();
  await expectMessage(section(admin.page, "Sign-in and deletion"), "Second factors reset.");
  ok(await login(postern, email));
  await page.reload();
  await page.waitForURL("/signin");
  await admin.leave();
  await leave();
});

test("a dialog asks for a new proof before a sensitive change, and keeps what was typed", async () => {
  const email = "stepup@example.com";
  await signUp(postern, email);
  await postern.sql("UPDATE users SET role = 'admin' WHERE email = ?", email);
  const { page, leave } = await visit(browser, postern);
  await signIn(page, email, PASSWORD, "security");
  const { secret } = await setUp(page, email);
  await page.goto("/admin#users");
  await page.getByRole("button", { name: "New user" }).click();
  const form = page.getByRole("dialog", { name: "New user" });
  await form.getByRole("textbox", { name: "Email" }).fill("created@example.com");
  await form.getByLabel("Name").fill("Grace");
  await form.getByLabel("Password").fill(PASSWORD);
  await makeStale(postern, email);
  const create = form.getByRole("button", { name: "Create user" });
  await create.focus();
  await page.keyboard.press("Enter");

  const dialog = page.getByRole("dialog", { name: "Confirm that it is you" });
  const code = dialog.getByLabel("Code");
  await code.and(focused(page)).waitFor();
  // The password alone is too little for a user with a second factor.
  assert.equal(await dialog.getByRole("button", { name: "password" }).count(), 0);
  await page.keyboard.press("Escape");
  await expectMessage(form, "Please confirm that it is you.");
  await create.and(focused(page)).waitFor();
  assert.equal(await form.getByLabel("Name").inputValue(), "Grace");

  await page.keyboard.press("Enter");
  await code.and(focused(page)).waitFor();
  const right = totp(secret);
  await code.fill(right === "000000" ? "000001" : "000000");
  await code.press("Enter");
  await expectMessage(dialog, "We could not confirm that it is you.");
  await code.fill(totp(secret));
  await code.press("Enter");
  await page.waitForURL(/#user\?id=/);
  const [{ name }] = await postern.sql("SELECT name FROM users WHERE email = 'created@example.com'");
  assert.equal(name, "Grace");
  await leave();
});

test("the dialog accepts the password or a passkey, and opens above other dialogs", async () => {
  const email = "proofs@example.com";
  await signUp(postern, email);
  const { page, leave } = await visit(browser, postern);
  await addAuthenticator(page);
  await withoutAutofill(page);
  await signIn(page, email);
  await openView(page, "security");
  const passkeys = section(page, "Passkeys");
  const confirmation = page.getByRole("dialog", { name: "Confirm that it is you" });

  await makeStale(postern, email);
  await passkeys.getByRole("button", { name: "Add a passkey" }).click();
  await confirmation.getByLabel("Password").fill("wrong password");
  await confirmation.getByRole("button", { name: "Confirm" }).click();
  await expectMessage(confirmation, "We could not confirm that it is you.");
  await confirmation.getByLabel("Password").fill(PASSWORD);
  await confirmation.getByRole("button", { name: "Confirm" }).click();
  await expectMessage(passkeys, "Passkey added.");

  await makeStale(postern, email);
  await section(page, "Password").getByRole("button", { name: "Use passkeys only" }).click();
  await page
    .getByRole("dialog", { name: "Remove your password?" })
    .getByRole("button", { name: "Remove password" })
    .click();
  await confirmation.getByRole("button", { name: "Use a passkey" }).click();
  await expectMessage(section(page, "Password"), "Password removed.");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await leave();
});

test("calls that need a proof at the same time share one dialog", async () => {
  const email = "shared@example.com";
  const { page, leave } = await enter(email);
  await makeStale(postern, email);
  await section(page, "Passkeys").waitFor();
  await page.evaluate(() => {
    const buttons = [...document.querySelectorAll("button")];
    for (const label of ["Set up", "Add a passkey"]) buttons.find(({ textContent }) => textContent === label).click();
  });
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  for (const name of ["Second factor", "Passkeys"]) {
    await expectMessage(section(page, name), "Please confirm that it is you.");
  }
  assert.equal(await dialog.count(), 0);
  await leave();
});

test("a lost part of the pages is reported, and the change can be tried again", async () => {
  const email = "offline@example.com";
  const { page, leave } = await enter(email);
  await makeStale(postern, email);
  await page.route("**/assets/*.js", (route) => route.fulfill({ status: 404 }));
  await factor(page).getByRole("button", { name: "Set up" }).click();
  await expectMessage(factor(page), "A part of this page cannot be loaded. Reload the page and try again.");
  await leave();
});

for (const way of ["an authenticator app", "a passkey"]) {
  test(`a user who must have a second factor sets up ${way} before anything else`, async () => {
    // The sign-up, too, would need a second factor.
    const strict = await startPostern();
    try {
      const email = "forced@example.com";
      await signUp(strict, email);
      await strict.sql("UPDATE users SET role = 'admin' WHERE email = ?", email);
      await strict.restart({ settings: { SECOND_FACTOR: "everybody" } });
      const { page, leave } = await visit(browser, strict);
      await addAuthenticator(page);
      await withoutAutofill(page);
      await page.goto("/signin");
      await page.getByLabel("Email").fill(email);
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Sign in" }).click();
      await expectMessage(page, "Set up a second factor before you do anything else");
      const sections = page.getByRole("region").getByRole("heading", { level: 2 });
      assert.deepEqual(await sections.allTextContents(), ["Second factor", "Passkey"]);
      await page.goto("/admin");
      await page.waitForURL("/account");
      await expectMessage(page, "Set up a second factor before you do anything else");

      if (way === "a passkey") {
        await section(page, "Passkey").getByRole("button", { name: "Add a passkey" }).click();
      } else {
        const secret = await beginSetup(page);
        await factor(page).getByRole("textbox", { name: "Code" }).fill(totp(secret));
        await factor(page).getByRole("button", { name: "Turn on", exact: true }).click();
      }
      await openView(page, "security");
      assert.equal((await readCodes(page)).length, 10);
      await factor(page).getByText("Postern requires you to use a second factor.").waitFor();
      assert.equal(await factor(page).getByRole("button", { name: "Turn off" }).count(), 0);
      refused(await login(strict, email), 403, "second_factor_required");
      await leave();
    } finally {
      await strict.stop();
    }
  });
}
