// A browser window on the pages of a Postern. Errors in it fail the test.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { PASSWORD } from "../../workerd/support/client.mjs";
import { startBrowserWithoutCookies } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The widths and color schemes that every page is tested with: a small phone and a desktop, light and dark. */
export const looks = /** @type {const} */ (["light", "dark"]).flatMap((colorScheme) =>
  [360, 1280].map((width) => ({ name: `${colorScheme}, ${width} px`, colorScheme, viewport: { width, height: 800 } })),
);

/**
 * Opens a window with its own profile. Exceptions and logged errors, such as violations of the security policy, fail the
 * test when `leave` is called, except the one that `leave` is passed. Responses with a 4xx status are not errors.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {{ url: string }} postern
 * @param {Pick<import("playwright-core").BrowserContextOptions, "colorScheme" | "viewport" | "ignoreHTTPSErrors" | "locale">} [look]
 */
export async function visit(browser, postern, { colorScheme, viewport, ignoreHTTPSErrors, locale } = looks[1]) {
  const options = { colorScheme, viewport, ignoreHTTPSErrors, locale };
  return await open(await browser.newContext({ baseURL: postern.url, ...options }));
}

/** Like {@link visit}, in a separate browser that blocks cookies. */
export async function visitWithoutCookies(postern) {
  return await open(await startBrowserWithoutCookies({ baseURL: postern.url }));
}

async function open(context) {
  context.setDefaultTimeout(15_000);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    const isClientError = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
    if (["error", "warning"].includes(message.type()) && !isClientError) errors.push(message.text());
  });
  return {
    page,
    async leave(expected) {
      await context.close();
      const isExpected = (error) => Boolean(expected?.test(error));
      assert.deepEqual(
        errors.filter((error) => !isExpected(error)),
        [],
      );
      assert.equal(errors.some(isExpected), Boolean(expected));
    },
  };
}

/** Signs in through the page, and opens a view of the account page. */
export async function signIn(page, email, password = PASSWORD, view = "profile") {
  await page.goto("/signin");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/account");
  await page.getByRole("region").first().waitFor();
  if (view !== "profile") await openView(page, view);
}

/** Opens a view of the account page. */
export async function openView(page, view) {
  await page.getByRole("navigation", { name: "Account sections" }).locator(`a[href="#${view}"]`).click();
  await page.waitForURL(`/account#${view}`);
}

/** Signs out with the menu of the user. */
export async function signOut(page) {
  await page.getByRole("button", { name: /^Account menu/ }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("/signin");
  await page.getByLabel("Email").waitFor();
}

/** Returns the card with this heading. */
export function section(page, name) {
  return page.getByRole("region", { name });
}

/** Waits until the page shows this message in an element that screen readers announce: in the scope, or as a message of success. */
export async function expectMessage(scope, text) {
  const page = "goto" in scope ? scope : scope.page();
  const messages = scope.getByRole("status").or(scope.getByRole("alert")).or(page.locator(".toasts"));
  await messages.filter({ hasText: text }).first().waitFor();
}

/** Checks that the page passes axe and does not overflow horizontally. */
export async function assertUsable(page, about) {
  // Colors that are still changing, for example after a button was busy, are not those that users read.
  await page.evaluate(() => {
    const ends = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    return Promise.allSettled(ends.map(({ finished }) => finished)).then(() => {});
  });
  // Bypasses the page's security policy, like a debugger.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await Reflect.get(window, "axe").run(document)).violations);
  const problems = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
  );
  assert.deepEqual(problems, [], about);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${about}: ${overflow} px are cut off at the side`);
}
