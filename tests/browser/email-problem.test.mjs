// Addresses that mail does not reach, on the account page and for admins, and the preview of all mails.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ok, send, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { section, signIn, visit } from "./support/visitor.mjs";

const password = "a password of Postmark";

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([
    startPostern({ settings: { POSTMARK_WEBHOOK_PASSWORD: password } }),
    startBrowser(),
  ]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

async function report(RecordType, Email) {
  const headers = { authorization: `Basic ${btoa(`postern:${password}`)}` };
  const json = { RecordType, Type: "HardBounce", Email, ID: Math.random() };
  ok(await send(postern, "POST", "/webhooks/mail/postmark", { headers, json }));
}

test("a user sees that emails came back and tries again", async () => {
  const email = "ada@example.com";
  await signUp(postern, email);
  await report("Bounce", email);
  const { page, leave } = await visit(browser, postern);
  await signIn(page, email);
  const problem = section(page, "Email problem");
  await problem.getByText(`Emails to ${email} came back.`).waitFor();
  await section(page, "Verify your email").getByRole("button", { name: "Email me a code" }).click();
  await section(page, "Verify your email").getByText("came back or were marked as spam").waitFor();
  await problem.getByRole("button", { name: "Send email there again" }).click();
  await problem.waitFor({ state: "detached" });
  await section(page, "Verify your email").getByRole("button", { name: "Email me a code" }).click();
  await section(page, "Verify your email").getByText("A code is on its way").waitFor();
  await leave();
});

test("an admin sees that a user marked an email as spam and tries again", async () => {
  const email = "grace@example.com";
  const { user } = await signUp(postern, email);
  await report("SpamComplaint", email);
  const { page, leave } = await visit(browser, postern);
  await signIn(page, "admin", "admin");
  await page.goto(`${postern.url}/admin#user?id=${user.id}`);
  const problem = section(page, "Email problem");
  await problem.getByText(`An email to ${email} was marked as spam.`).waitFor();
  await problem.getByRole("button", { name: "Send email there again" }).click();
  await problem.waitFor({ state: "detached" });
  const rows = await postern.sql("SELECT email_problem FROM users WHERE id = ?", user.id);
  assert.deepEqual(rows, [{ email_problem: null }]);
  await leave();
});

test("the preview shows each mail in light and in dark, whatever the browser prefers", async () => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const { page, leave } = await visit(browser, postern, { colorScheme, viewport: { width: 1280, height: 800 } });
    await page.goto(`${postern.url}/dev/mails`);
    const background = (scheme) =>
      page
        .locator("#password_reset")
        .frameLocator(`iframe[title$=", ${scheme}"]`)
        .locator("body")
        .evaluate((body) => getComputedStyle(body).backgroundColor);
    assert.equal(await background("light"), "rgb(243, 243, 245)");
    assert.equal(await background("dark"), "rgb(17, 17, 17)");
    await leave();
  }
});
