// Passkeys on the pages, with virtual authenticators.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, login, ok, refused, signUp, until } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { addAuthenticator, makeStale, withoutAutofill, withoutPasskeys } from "./support/authenticator.mjs";
import { startBrowser } from "./support/browser.mjs";
import { expectMessage, openView, section, signIn, signOut, visit } from "./support/visitor.mjs";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern(), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

/** Signs up a new user and opens the account page on a device with an authenticator. */
async function enter(email, options) {
  await signUp(postern, email);
  return await enterAgain(email, options);
}

/** Opens the account page of a user on another device. */
async function enterAgain(email, options) {
  const visitor = await visit(browser, postern);
  const authenticator = await addAuthenticator(visitor.page, options);
  await withoutAutofill(visitor.page);
  await signIn(visitor.page, email);
  return { ...visitor, authenticator };
}

async function addPasskey(page) {
  await openView(page, "security");
  await section(page, "Passkeys").getByRole("button", { name: "Add a passkey" }).click();
  await expectMessage(section(page, "Passkeys"), "Passkey added.");
}

/** Undoes `withoutAutofill` for the next page. */
function withAutofill(page) {
  return page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => true;
  });
}

const methodsOfUser = "SELECT methods FROM sessions JOIN users ON users.id = user_id WHERE email = ?";

const passkeyButton = (page) => page.getByRole("button", { name: "Use a passkey" });

test("a user adds a passkey, signs in with the button, and sees when it was used", async () => {
  const { page, authenticator, leave } = await enter("button@example.com");
  await addPasskey(page);
  await openView(page, "security");
  const row = section(page, "Passkeys").getByRole("listitem");
  assert.match(await row.textContent(), /Chrome on Linux.*On one device.*Added .*Not used yet/);
  const [passkey] = await authenticator.passkeys();
  assert.deepEqual(
    [passkey.rpId, passkey.isResidentCredential, passkey.userName],
    ["localhost", true, "button@example.com"],
  );

  await signOut(page);
  await passkeyButton(page).click();
  await page.waitForURL("/account");
  await openView(page, "security");
  await row.getByText(/Last used/).waitFor();
  await leave();
});

test("a passkey in the autofill signs in without a click", async () => {
  const { page, leave } = await enter("autofill@example.com");
  await addPasskey(page);
  await withAutofill(page);
  await signOut(page);
  await section(page, "Profile").waitFor({ state: "detached" });
  await section(page, "Profile").getByText("autofill@example.com").waitFor();
  const methods = await postern.sql(methodsOfUser, "autofill@example.com");
  assert.ok(methods.some(({ methods }) => methods === "passkey"));
  await leave();
});

test("the email field offers passkeys, and the password still works while the autofill waits", async () => {
  const { page, authenticator, leave } = await enter("waiting@example.com");
  await addPasskey(page);
  await authenticator.setPresent(false);
  await withAutofill(page);
  await signOut(page);
  assert.equal(await page.getByLabel("Email").getAttribute("autocomplete"), "username webauthn");
  await page.getByLabel("Email").fill("waiting@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/account");
  await leave();
});

test("each of two devices has a passkey, and a device has only one", async () => {
  const laptop = await enter("two@example.com");
  await addPasskey(laptop.page);
  const phone = await enterAgain("two@example.com", { transport: "hybrid" });
  await addPasskey(phone.page);
  await openView(phone.page, "security");
  const passkeys = section(phone.page, "Passkeys");
  assert.equal(await passkeys.getByRole("listitem").count(), 2);

  await passkeys.getByRole("button", { name: "Add a passkey" }).click();
  await expectMessage(passkeys, "This device already has a passkey for your account.");
  assert.equal((await phone.authenticator.passkeys()).length, 1);
  for (const { page, leave } of [laptop, phone]) {
    await signOut(page);
    await passkeyButton(page).click();
    await page.waitForURL("/account");
    await leave();
  }
});

test("an authenticator that does not check the user is refused", async () => {
  const { page, authenticator, leave } = await enter("unverified@example.com", { isUserVerified: false });
  await openView(page, "security");
  const passkeys = section(page, "Passkeys");
  await passkeys.getByRole("button", { name: "Add a passkey" }).click();
  await expectMessage(passkeys, "No passkey was added");
  assert.deepEqual(await authenticator.passkeys(), []);

  await authenticator.setVerified(true);
  await addPasskey(page);
  await authenticator.setVerified(false);
  await signOut(page);
  await passkeyButton(page).click();
  await expectMessage(page, "No passkey was used");
  assert.equal(new URL(page.url()).pathname, "/signin");
  await leave();
});

test("an authenticator that cannot check users gets no passkey", async () => {
  const options = { transport: "usb", hasUserVerification: false, isUserVerified: false };
  const { page, authenticator, leave } = await enter("unable@example.com", options);
  await openView(page, "security");
  await section(page, "Passkeys").getByRole("button", { name: "Add a passkey" }).click();
  await expectMessage(section(page, "Passkeys"), "No passkey was added");
  assert.deepEqual(await authenticator.passkeys(), []);
  await leave();
});

test("a copy of a passkey, whose counter is behind, is refused", async () => {
  const { page, authenticator, leave } = await enter("cloned@example.com");
  await addPasskey(page);
  await postern.sql("UPDATE passkeys SET sign_count = 1000");
  await signOut(page);
  await passkeyButton(page).click();
  await expectMessage(page, "The passkey was not accepted. Please try again.");
  const [passkey] = await authenticator.passkeys();
  await authenticator.replace({ ...passkey, signCount: 2000 });
  await passkeyButton(page).click();
  await page.waitForURL("/account");
  await leave();
});

test("a dialog that is closed leaves the other ways open", async () => {
  const { page, authenticator, leave } = await enter("closed@example.com");
  await addPasskey(page);
  await authenticator.setPresent(false);
  await signOut(page);
  await passkeyButton(page).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel" }).waitFor({ state: "detached" });

  // The browser's own way to close it.
  await page.evaluate(() => {
    navigator.credentials.get = () =>
      Promise.reject(new DOMException("The operation was not allowed.", "NotAllowedError"));
  });
  await passkeyButton(page).click();
  await expectMessage(page, "No passkey was used: the dialog was closed or took too long.");
  await page.getByLabel("Email").fill("closed@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/account");
  await leave();
});

test("a browser that waits forever is stopped, and the password works meanwhile", async () => {
  const { page, leave } = await enter("forever@example.com");
  await addPasskey(page);
  await signOut(page);
  await page.clock.install();
  const asked = page.evaluate(
    () =>
      new Promise((resolve) => {
        navigator.credentials.get = ({ signal }) => {
          resolve(true);
          return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        };
      }),
  );
  await passkeyButton(page).click();
  assert.equal(await asked, true);
  await page.clock.fastForward("11:00");
  await expectMessage(page, "No passkey was used: the dialog was closed or took too long.");
  await passkeyButton(page).click();
  await page.getByLabel("Email").fill("forever@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/account");
  await leave();
});

test("a passkey that the service does not know is reported, and the browser forgets it", async () => {
  const { page, authenticator, leave } = await enter("unknown@example.com");
  await addPasskey(page);
  await postern.sql(
    "DELETE FROM passkeys WHERE user_id = (SELECT id FROM users WHERE email = ?)",
    "unknown@example.com",
  );
  await signOut(page);
  assert.equal((await authenticator.passkeys()).length, 1);
  await passkeyButton(page).click();
  await expectMessage(page, "This passkey is not known here. It may have been removed from the account.");
  await until(async () => (await authenticator.passkeys()).length === 0);
  await leave();
});

test("a browser without passkeys shows no button for them", async () => {
  await signUp(postern, "embedded@example.com");
  const { page, leave } = await visit(browser, postern);
  await withoutPasskeys(page);
  await page.goto("/signin");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.deepEqual(await page.getByRole("button").allTextContents(), ["Show", "Sign in", "Email me a code"]);
  await signIn(page, "embedded@example.com");
  await openView(page, "security");
  const passkeys = section(page, "Passkeys");
  await passkeys.getByText("This browser does not support passkeys.").waitFor();
  assert.equal(await passkeys.getByRole("button").count(), 0);
  await leave();
});

test("a passkey can be renamed and removed, and the browser then forgets it", async () => {
  const { page, authenticator, leave } = await enter("renamed@example.com");
  await addPasskey(page);
  await openView(page, "security");
  const passkeys = section(page, "Passkeys");
  const rename = passkeys.getByRole("button", { name: "Rename" });
  await rename.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Rename passkey" });
  await dialog.getByLabel("Name").and(page.locator(":focus")).fill("Blue key");
  await page.keyboard.press("Enter");
  await expectMessage(passkeys, "Passkey renamed.");
  await passkeys.getByText("Blue key").waitFor();
  await rename.and(page.locator(":focus")).waitFor();

  await passkeys.getByRole("button", { name: "Remove: Blue key" }).click();
  await page.getByRole("dialog", { name: "Remove Blue key?" }).getByRole("button", { name: "Remove" }).click();
  await expectMessage(passkeys, "Passkey removed.");
  assert.equal(await passkeys.getByRole("listitem").count(), 0);
  assert.equal(await page.locator(":focus").textContent(), "Passkeys");
  await until(async () => (await authenticator.passkeys()).length === 0);
  await leave();
});

test("a passkey is offered after a password sign-in, until the user declines", async () => {
  const { page, leave } = await enter("offer@example.com");
  const offer = section(page, "Sign in without your password");
  await offer.getByText("A passkey signs you in with your fingerprint, face or PIN.").waitFor();
  await page.reload();
  await offer.getByRole("button", { name: "Not now" }).click();
  await offer.waitFor({ state: "detached" });
  assert.equal(await page.locator(":focus").textContent(), "Profile");
  await signOut(page);
  await signIn(page, "offer@example.com");
  await openView(page, "data");
  await section(page, "Deactivate account").waitFor();
  assert.equal(await offer.count(), 0);

  // Another account in the same browser.
  await signUp(postern, "another@example.com");
  await signOut(page);
  await signIn(page, "another@example.com");
  await offer.getByRole("button", { name: "Add a passkey" }).click();
  await expectMessage(offer, "Passkey added.");
  await openView(page, "security");
  assert.equal(await section(page, "Passkeys").getByRole("listitem").count(), 1);
  await page.reload();
  await openView(page, "data");
  await section(page, "Deactivate account").waitFor();
  assert.equal(await offer.count(), 0);
  await leave();
});

test("the offer of a passkey closes although the browser cannot remember it", async () => {
  const { page, leave } = await enter("full@example.com");
  const offer = section(page, "Sign in without your password");
  await offer.waitFor();
  await page.evaluate(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
    };
  });
  await offer.getByRole("button", { name: "Not now" }).click();
  await offer.waitFor({ state: "detached" });
  await leave();
});

test("no passkey is offered on a device that cannot have one", async () => {
  const { page, leave } = await enter("desktop@example.com", { transport: "usb" });
  await openView(page, "data");
  await section(page, "Deactivate account").waitFor();
  await page.waitForLoadState("networkidle");
  await openView(page, "profile");
  assert.equal(await section(page, "Sign in without your password").count(), 0);
  await leave();
});

test("a user goes from a password to passkeys only, and back", async () => {
  const email = "onlypasskeys@example.com";
  const { page, leave } = await enter(email);
  await openView(page, "security");
  const password = section(page, "Password");
  assert.equal(await password.getByRole("button", { name: "Use passkeys only" }).count(), 0);
  await addPasskey(page);
  await password.getByRole("button", { name: "Use passkeys only" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove password" }).click();
  await expectMessage(password, "Password removed. You now sign in with your passkeys.");
  // They are shown only once, and further down.
  await page
    .locator(":focus")
    .filter({ hasText: `Recovery codes of ${email}` })
    .waitFor();
  await section(page, "Second factor").getByRole("button", { name: "I have saved the codes" }).click();
  refused(await login(postern, email), 401, "wrong_credentials");

  await signOut(page);
  await passkeyButton(page).click();
  await page.waitForURL("/account");
  // The only way in cannot be removed.
  await openView(page, "security");
  await section(page, "Passkeys").getByRole("button", { name: "Remove" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Remove" }).click();
  await expectMessage(dialog, "This is the only way to sign in to this account. Add another one first.");
  await dialog.getByRole("button", { name: "Cancel" }).click();

  // A new password needs a recent proof instead of the current password.
  await makeStale(postern, email);
  await password.getByText("You have no password").waitFor();
  await password.getByLabel("New password").fill("a new password, typed once");
  await password.getByRole("button", { name: "Set password" }).click();
  await page
    .getByRole("dialog", { name: "Confirm that it is you" })
    .getByRole("button", { name: "Use a passkey" })
    .click();
  await expectMessage(password, "Password set. All your other sessions have ended.");
  refused(await login(postern, email, "a new password, typed once"), 403, "second_factor_required");

  await section(page, "Second factor").getByRole("button", { name: "Turn off" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Turn off" }).click();
  await expectMessage(section(page, "Second factor"), "Second factor turned off.");
  await section(page, "Passkeys").getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expectMessage(section(page, "Passkeys"), "Passkey removed.");
  ok(await login(postern, email, "a new password, typed once"));
  await leave();
});
