// Runs axe on every page, in the light and the dark scheme, at phone and desktop widths, and with various brand colors.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PASSWORD, adminToken, ok, resetToken, send, signUp, userToken } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { totp } from "../workerd/support/totp.mjs";
import { addAuthenticator, makeStale, withoutAutofill } from "./support/authenticator.mjs";
import { startBrowser } from "./support/browser.mjs";
import { askForCode, codeMail } from "./support/email-codes.mjs";
import { agree, cancel, leaveForAcme, startIdentityProvider, withoutFonts } from "./support/identity-provider.mjs";
import { assertUsable, expectMessage, looks, openView, section, signIn, signOut, visit } from "./support/visitor.mjs";

let postern;
let browser;
let acme;
before(async () => {
  acme = await startIdentityProvider();
  // The mode with the longest form.
  const settings = { ...acme.settings, SIGN_UP: "approval" };
  [postern, browser] = await Promise.all([startPostern({ settings, outbound: acme.outbound }), startBrowser()]);
  acme.register(postern);
  const token = await adminToken(postern);
  ok(await send(postern, "POST", "/api/auth/me/create-token", { token, json: { name: "For Grace" } }));
  await signUp(postern, "ada@example.com");
});
after(() => Promise.all([browser?.close(), postern?.stop(), acme?.stop()]));

for (const look of looks) {
  describe(`in ${look.name}`, () => {
    let page;
    let leave;
    before(async () => {
      ({ page, leave } = await visit(browser, postern, look));
    });
    after(() => leave());

    test("the pages for signed-out users pass axe", async () => {
      await page.goto("/signin");
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      await assertUsable(page, "sign in");
      await page.getByLabel("Email").fill("nobody@example.com");
      await page.getByLabel("Password").fill("wrong password");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expectMessage(page, "The email or the password is wrong.");
      await assertUsable(page, "sign in, with an error");

      await page.goto(`/signup?referrer=${await userToken(postern, await adminToken(postern))}`);
      await page.getByLabel("Email").fill("ada@nowhere");
      await page.getByLabel("Password").fill("password");
      await page.getByRole("button", { name: "Sign up" }).click();
      await page.locator("[aria-invalid=true]").first().waitFor();
      await assertUsable(page, "sign up, with an error");

      await page.goto("/forgot-password");
      await page.getByLabel("Email").fill("nobody@example.com");
      await assertUsable(page, "forgot password");

      await page.goto(`/reset-password?token=${await resetToken(postern, "ada@example.com")}`);
      await page.getByLabel("New password").waitFor();
      await assertUsable(page, "reset password");
      await page.goto("/reset-password?token=garbage");
      await expectMessage(page, "This link has been used");
      await assertUsable(page, "reset password, with an error");

      await page.goto("/undo-email-change#token=garbage");
      await page.getByRole("button", { name: "Undo the change" }).click();
      await expectMessage(page, "There is nothing to undo");
      await assertUsable(page, "undo the change of the email, with an error");
    });

    test("every step of an email code passes axe", async () => {
      const email = `code-${look.name.replaceAll(/\W/g, "")}@example.com`;
      await page.goto("/signin");
      await page.getByRole("button", { name: "Email me a code" }).click();
      await page.getByRole("heading", { name: "Sign in by email" }).waitFor();
      await assertUsable(page, "sign in by email");
      await askForCode(page, postern, email);
      await assertUsable(page, "code");
      await page.getByLabel("Code").fill("12345");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expectMessage(page, "The code is wrong or has expired.");
      await assertUsable(page, "code, with an error");

      await page.goto("/signup");
      await page.getByLabel("Email").fill(email);
      await assertUsable(page, "sign up without an invitation");
      await page.getByLabel("Note").fill("A note that is so long that it takes more than one line on a phone.");
      const { href } = await codeMail(postern, email, () => page.getByRole("button", { name: "Sign up" }).click());
      const elsewhere = await visit(browser, postern, look);
      await elsewhere.page.goto(href);
      await elsewhere.page.getByRole("heading", { name: "Your code" }).waitFor();
      await assertUsable(elsewhere.page, "link, in another browser");
      await elsewhere.leave();
      await page.goto(href);
      await page.getByText("You are signing up as").waitFor();
      await assertUsable(page, "link");
      await page.getByRole("button", { name: "Sign up" }).click();
      await page.getByRole("heading", { name: "Waiting for approval" }).waitFor();
      await assertUsable(page, "waiting for approval");
    });

    test("the account page passes axe", async () => {
      await signIn(page, "admin", "admin");
      await openView(page, "invitations");
      await section(page, "Invitations").getByRole("listitem").first().waitFor();
      for (const summary of ["Create a link", "Invite by email"]) await page.getByText(summary).click();
      await assertUsable(page, "account");
      await openView(page, "sessions");
      await section(page, "Sessions").getByRole("listitem").first().waitFor();
      await assertUsable(page, "sessions");
      await page.getByRole("button", { name: /^Account menu/ }).click();
      await assertUsable(page, "the menu of the user");
      await page.keyboard.press("Escape");
      await openView(page, "data");
      await page.getByRole("button", { name: "Deactivate" }).click();
      await page.getByRole("dialog").waitFor();
      await assertUsable(page, "deactivation dialog");
    });

    test("every step of passkeys and second factors passes axe", async () => {
      const email = `${look.name.replaceAll(/\W/g, "")}@example.com`;
      await signUp(postern, email);
      await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", email);
      const visitor = await visit(browser, postern, look);
      const own = visitor.page;
      const authenticator = await addAuthenticator(own);
      await withoutAutofill(own);
      await signIn(own, email);
      await openView(own, "security");
      const factor = section(own, "Second factor");
      await openView(own, "profile");
      await section(own, "Sign in without your password").waitFor();
      await assertUsable(own, "account, with the offer of a passkey");
      await openView(own, "security");
      await section(own, "Passkeys").getByRole("button", { name: "Add a passkey" }).click();
      await expectMessage(section(own, "Passkeys"), "Passkey added.");
      await section(own, "Passkeys").getByRole("button", { name: "Rename" }).click();
      await own.getByRole("dialog").waitFor();
      await assertUsable(own, "account, renaming a passkey");
      await own.keyboard.press("Escape");

      await makeStale(postern, email);
      await factor.getByRole("button", { name: "Set up" }).click();
      const dialog = own.getByRole("dialog", { name: "Confirm that it is you" });
      await dialog.waitFor();
      await assertUsable(own, "confirmation");
      await dialog.getByLabel("Password").fill("wrong password");
      await dialog.getByRole("button", { name: "Confirm" }).click();
      await expectMessage(dialog, "We could not confirm that it is you.");
      await assertUsable(own, "confirmation, with an error");
      await dialog.getByRole("button", { name: "Email me a code" }).click();
      await dialog.getByLabel("Code").waitFor();
      await assertUsable(own, "confirmation with a code by email");
      await authenticator.setPresent(false);
      await dialog.getByRole("button", { name: "Use a passkey" }).click();
      await dialog.getByRole("button", { name: "Cancel" }).nth(1).waitFor();
      await assertUsable(own, "confirmation with a passkey");
      await dialog.getByRole("button", { name: "Cancel" }).first().click();
      await authenticator.setPresent(true);
      await dialog.getByRole("button", { name: "Use a passkey" }).click();

      await factor.getByRole("img", { name: "QR code" }).waitFor();
      await assertUsable(own, "set-up of the authenticator app");
      const secret = await factor.getByText(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/).textContent();
      await factor.getByRole("textbox", { name: "Code" }).fill(totp(secret.replaceAll(" ", "")));
      await factor.getByRole("button", { name: "Turn on", exact: true }).click();
      await factor.getByRole("list", { name: "Recovery codes" }).waitFor();
      await factor.getByText("If you lose your phone", { exact: true }).click();
      await assertUsable(own, "recovery codes");

      await signOut(own);
      await own.waitForURL("/signin");
      await own.getByLabel("Email").fill(email);
      await own.getByLabel("Password").fill(PASSWORD);
      await own.getByRole("button", { name: "Sign in" }).click();
      await own.getByLabel("Code").fill("12345");
      await own.getByRole("button", { name: "Sign in" }).click();
      await expectMessage(own, "The code is wrong or has expired.");
      await own.getByText("Lost your phone?").click();
      await assertUsable(own, "second step, with an error");
      await own.getByRole("button", { name: "Use a recovery code" }).click();
      await assertUsable(own, "second step with a recovery code");
      await authenticator.setPresent(false);
      await own.getByRole("button", { name: "Use a passkey" }).click();
      await own.getByRole("button", { name: "Cancel" }).waitFor();
      await assertUsable(own, "second step with a passkey");
      await visitor.leave();
    });

    test("every step of an identity provider passes axe", async () => {
      const name = `acme-${look.name.replaceAll(/\W/g, "")}`;
      const email = `${name}@example.com`;
      acme.people[name] = { email, email_verified: false };
      await signUp(postern, email);
      await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", email);
      const visitor = await visit(browser, postern, look);
      const own = visitor.page;
      await withoutFonts(own);
      await own.goto("/callback#provider=acme&state=unknown&code=code");
      await own.getByText("This sign-in was started in another browser").waitFor();
      await assertUsable(own, "callback, in another browser");
      await own.goto("/signin?provider=acme");
      await own.getByRole("button", { name: "Continue with Acme" }).waitFor();
      await assertUsable(own, "sign in, with a provider first");
      await leaveForAcme(own);
      await cancel(own);
      await expectMessage(own, "You canceled at Acme.");
      await assertUsable(own, "callback, canceled");
      await leaveForAcme(own, "Try again");
      await agree(own, name);
      await expectMessage(own, "There is already an account with this email.");
      await assertUsable(own, "callback, with an account that exists");

      await signIn(own, email, PASSWORD, "security");
      await own.getByRole("button", { name: "Link Acme" }).click();
      const accounts = section(own, "Linked accounts");
      await expectMessage(accounts, "Acme linked.");
      await assertUsable(own, "account, with a linked account");
      await accounts.getByRole("button", { name: "Unlink" }).click();
      await own.getByRole("dialog").waitFor();
      await assertUsable(own, "account, with the dialog to unlink");
      // A user with nothing but the provider.
      await postern.sql("UPDATE users SET is_verified = 0, password_hash = '' WHERE email = ?", email);
      await makeStale(postern, email);
      await own.getByRole("dialog").getByRole("button", { name: "Unlink" }).click();
      await own.getByText("This change needs a recent sign-in.").waitFor();
      await assertUsable(own, "confirmation without a proof");
      await visitor.leave();
    });

    test("the admin pages pass axe", async () => {
      await page.goto("/admin");
      await page.getByRole("figure", { name: /^Sign-ins/ }).waitFor();
      await section(page, "Recent events").getByRole("listitem").first().waitFor();
      await assertUsable(page, "overview");
      await page.goto("/admin#users");
      await page.getByRole("link", { name: "ada@example.com" }).waitFor();
      await page.getByText("Filters").click();
      await page.getByLabel("Select ada@example.com").check();
      await page.getByRole("button", { name: "Actions" }).click();
      await assertUsable(page, "users");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "New user" }).click();
      await page.getByRole("dialog").waitFor();
      await assertUsable(page, "users, with the form for a new one");
      await page.keyboard.press("Escape");
      await page.goto("/admin#users?offset=9000");
      await page.getByRole("link", { name: "Last page" }).waitFor();
      await assertUsable(page, "users, beyond the end");
      await page.getByRole("link", { name: "Last page" }).click();
      await page.getByRole("link", { name: "ada@example.com" }).click();
      await section(page, "Sessions").getByRole("listitem").first().waitFor();
      await section(page, "Events").getByRole("listitem").first().waitFor();
      await assertUsable(page, "one user");
      await page.getByRole("link", { name: "Invite tree", exact: true }).last().click();
      await section(page, "Invite tree").getByRole("button", { name: "Actions for ada@example.com" }).click();
      await assertUsable(page, "invite tree");
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Sign-ups" }).click();
      await section(page, "Sign-ups").getByRole("listitem").first().waitFor();
      await assertUsable(page, "sign-ups");
      await page.getByRole("button", { name: "Reject" }).first().click();
      await page.getByRole("dialog").waitFor();
      await assertUsable(page, "sign-ups, with a dialog");
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Events" }).click();
      await section(page, "Events").getByRole("listitem").first().waitFor();
      await assertUsable(page, "events");
    });
  });
}

test("text is readable with any brand color", async () => {
  for (const color of ["ffff00", "000000", "ffffff", "12151b", "ff5500", "777777"]) {
    await postern.restart({ settings: { BRAND_COLOR: color } });
    for (const look of looks.filter(({ viewport }) => viewport.width === 360)) {
      const { page, leave } = await visit(browser, postern, look);
      await page.goto("/signin");
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      await assertUsable(page, `${color} in ${look.name}`);
      await page.getByRole("button", { name: "Sign in" }).hover();
      await assertUsable(page, `${color} in ${look.name}, hovered`);
      await leave();
    }
  }
});

test("the pages pass axe in a language that runs from right to left", async () => {
  for (const look of looks) {
    const { page, leave } = await visit(browser, postern, { ...look, locale: "ar" });
    await page.goto("/signin");
    await page.getByRole("button", { name: "تسجيل الدخول" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.dir), "rtl");
    await assertUsable(page, `sign in, in Arabic, ${look.name}`);
    await page.locator("input[name=email]").fill("admin");
    await page.locator("input[name=password]").fill("admin");
    await page.getByRole("button", { name: "تسجيل الدخول" }).click();
    await page.waitForURL("/account");
    for (const path of [
      "/account#profile",
      "/account#security",
      "/account#sessions",
      "/account#invitations",
      "/admin#overview",
      "/admin#users",
      "/admin#tree",
      "/admin#events",
    ]) {
      await page.goto(path);
      await page.getByRole("region").first().waitFor();
      await page.waitForFunction(() => !document.querySelector(".skeleton"));
      await assertUsable(page, `${path}, in Arabic, ${look.name}`);
    }
    await leave();
  }
});
