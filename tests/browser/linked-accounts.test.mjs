// Linking accounts at an identity provider on the account page, and unlinking them, in a real browser and at a real provider on another
// site.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, login, ok, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { makeStale } from "./support/authenticator.mjs";
import { startBrowser } from "./support/browser.mjs";
import { agree, cancel, leaveForAcme, startIdentityProvider, withoutFonts } from "./support/identity-provider.mjs";
import { expectMessage, openView, section, signIn, signOut, visit } from "./support/visitor.mjs";

let acme;
let postern;
let browser;
before(async () => {
  acme = await startIdentityProvider();
  const settings = { ...acme.settings, SIGN_UP: "open" };
  [postern, browser] = await Promise.all([startPostern({ settings, outbound: acme.outbound }), startBrowser()]);
  acme.register(postern);
});
after(() => Promise.all([browser?.close(), postern?.stop(), acme?.stop()]));

const accounts = (page) => section(page, "Linked accounts");
const linked = (page) => accounts(page).getByRole("listitem");

/** Opens a window for someone whose account at the provider says this. */
async function enter(name, person = {}) {
  const email = `${name}@example.com`;
  acme.people[name] = { email, email_verified: true, name, ...person };
  const visitor = await visit(browser, postern);
  await withoutFonts(visitor.page);
  return { ...visitor, email };
}

/** Like {@link enter}, for someone who also has an account here, with a password, and is signed in to it. */
async function enterWithPassword(name) {
  const visitor = await enter(name);
  await signUp(postern, visitor.email);
  await signIn(visitor.page, visitor.email, PASSWORD, "security");
  return visitor;
}

/** Like {@link enter}, for someone who signs up with the provider. */
async function enterWithAcme(name, person) {
  const visitor = await enter(name, person);
  await visitor.page.goto("/signup");
  await leaveForAcme(visitor.page);
  await agree(visitor.page, name);
  await visitor.page.waitForURL("/account");
  await openView(visitor.page, "security");
  await linked(visitor.page).waitFor();
  return visitor;
}

/** Links an account at the provider that has another email. */
async function link(page, name) {
  await leaveForAcme(page, "Link Acme");
  await agree(page, name);
}

/** Unlinks the account, up to the confirmation. */
async function unlink(page) {
  await linked(page).getByRole("button", { name: "Unlink" }).click();
  const dialog = page.getByRole("dialog", { name: "Unlink Acme?" });
  await dialog.getByRole("button", { name: "Unlink" }).click();
  return dialog;
}

test("an account at a provider is linked, signs in, and is unlinked", async () => {
  acme.people["ada-at-acme"] = { email: "ada@acme.example", email_verified: true };
  const { page, leave, email } = await enterWithPassword("ada");
  assert.equal(await linked(page).count(), 0);
  await link(page, "ada-at-acme");
  await expectMessage(accounts(page), "Acme linked. You can sign in with it from now on.");
  assert.equal(page.url(), `${postern.url}/account#security`);
  await linked(page).getByText("ada@acme.example").waitFor();
  await linked(page).getByText("not used yet").waitFor();
  await page.reload();
  await linked(page).waitFor();
  assert.equal(await accounts(page).getByText("Acme linked.").count(), 0);

  await signOut(page);
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await page.waitForURL("/account");
  await section(page, "Profile").getByText(email).waitFor();
  await openView(page, "security");
  await linked(page).getByText("last used").waitFor();

  await unlink(page);
  await expectMessage(accounts(page), "Acme unlinked.");
  assert.equal(await linked(page).count(), 0);
  ok(await login(postern, email));
  await leave();
});

test("linking and unlinking need a recent sign-in", async () => {
  const { page, leave, email } = await enterWithPassword("bea");
  await makeStale(postern, email);
  await page.getByRole("button", { name: "Link Acme" }).click();
  const confirmation = page.getByRole("dialog", { name: "Confirm that it is you" });
  await confirmation.getByLabel("Password").fill(PASSWORD);
  await confirmation.getByRole("button", { name: "Confirm" }).click();
  await page.waitForURL(/^http:\/\/127\.0\.0\.1/);
  await makeStale(postern, email);
  await agree(page, "bea");
  // The user took long at the provider.
  await confirmation.getByLabel("Password").fill(PASSWORD);
  await confirmation.getByRole("button", { name: "Confirm" }).click();
  await expectMessage(accounts(page), "Acme linked.");

  await makeStale(postern, email);
  await unlink(page);
  await confirmation.getByLabel("Password").fill(PASSWORD);
  await confirmation.getByRole("button", { name: "Confirm" }).click();
  await expectMessage(accounts(page), "Acme unlinked.");
  await leave();
});

test("an account at a provider that is linked elsewhere is not linked twice", async () => {
  await (await enterWithAcme("cleo")).leave();
  const { page, leave } = await enterWithPassword("dan");
  await link(page, "cleo");
  await page.getByRole("heading", { name: "Not linked" }).waitFor();
  await expectMessage(page, "This account of the provider is already linked to another account here.");
  await page.getByRole("link", { name: "Back to your account" }).click();
  await page.waitForURL("/account#security");
  await accounts(page).getByRole("button", { name: "Link Acme" }).waitFor();
  assert.equal(await linked(page).count(), 0);
  await leave();
});

test("canceling at the provider links nothing", async () => {
  const { page, leave } = await enterWithPassword("eve");
  await leaveForAcme(page, "Link Acme");
  await cancel(page);
  await page.getByRole("heading", { name: "Not linked" }).waitFor();
  await expectMessage(page, "You canceled at Acme.");
  await leaveForAcme(page, "Try again");
  await agree(page, "eve");
  await expectMessage(accounts(page), "Acme linked.");
  await leave();
});

test("nothing is linked without the session that asked for it", async () => {
  const { page, leave, email } = await enterWithPassword("finn");
  const other = await enterWithPassword("gus");
  const session = await other.page.context().cookies(postern.url);

  await leaveForAcme(page, "Link Acme");
  await page.context().clearCookies({ domain: "localhost" });
  await agree(page, "finn");
  await expectMessage(page, "You are signed out. Sign in, then link Acme on your account page.");
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.waitForURL("/signin");

  await signIn(page, email, PASSWORD, "security");
  await page.getByRole("button", { name: "Link Acme" }).waitFor();
  const arrival = page.waitForRequest("**/api/auth/me/identities/acme/callback");
  await page.route("**/api/auth/config", async (route) => {
    // Another user has signed in meanwhile.
    await page.context().clearCookies({ domain: "localhost" });
    await page.context().addCookies(session);
    await route.fallback();
  });
  await page.getByRole("button", { name: "Link Acme" }).click();
  await arrival;
  await page.getByRole("heading", { name: "Not linked" }).waitFor();
  assert.deepEqual(await postern.sql("SELECT id FROM identities WHERE subject = 'finn'"), []);
  await leave();
  await other.leave();
});

test("the last way in stays, and a user without another proof signs in again for sensitive changes", async () => {
  const { page, leave, email } = await enterWithAcme("hal", { email_verified: false });
  const dialog = await unlink(page);
  await expectMessage(dialog, "This is the only way to sign in to this account.");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await linked(page).count(), 1);

  await makeStale(postern, email);
  await unlink(page);
  const confirmation = page.getByRole("dialog", { name: "Confirm that it is you" });
  await confirmation.getByText("This change needs a recent sign-in.").waitFor();
  await confirmation.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("/signin");
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await page.waitForURL("/account");
  await openView(page, "security");
  await linked(page).waitFor();
  await leave();
});

test("a link to the account page cannot claim that something was linked", async () => {
  const { page, leave } = await enterWithPassword("ida");
  await page.goto("/signin");
  await page.goto("/account#security?linked=made-up");
  await page.getByRole("button", { name: "Link Acme" }).waitFor();
  assert.equal(page.url(), `${postern.url}/account#security`);
  assert.equal(await page.getByText("Acme linked.").count(), 0);
  await leave();
});

test("an admin sees the linked accounts of a user and unlinks them", async () => {
  const user = await enterWithAcme("jo");
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "admin", "admin");
  await page.goto("/admin#users");
  await page.getByRole("link", { name: user.email }).click();
  await linked(page).getByText(`jo at ${acme.issuer}`).waitFor();
  await unlink(page);
  await expectMessage(accounts(page), "Acme unlinked.");
  await accounts(page).getByText("None.").waitFor();
  await user.leave();
  await leave();
});
