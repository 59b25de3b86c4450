// Somebody at a browser: a window of their own at the pages of a Postern, in which nothing may go wrong unseen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { PASSWORD } from "../../workerd/support/client.mjs";
import { startBrowserWithoutCookies } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The widths and schemes in which every page is looked at: a small phone and a desktop, by day and by night. */
export const looks = ["light", "dark"].flatMap((colorScheme) =>
  [360, 1280].map((width) => ({ name: `${colorScheme}, ${width} px`, colorScheme, viewport: { width, height: 800 } })),
);

/**
 * Opens a window with a profile of its own. What a page throws or logs as an error, such as what its security policy
 * stops, fails the test once `leave` is called, unless it is the one thing that `leave` is told to expect. Only that an
 * answer is a refusal is no error.
 */
export async function visit(browser, postern, { colorScheme, viewport } = looks[1]) {
  return await open(await browser.newContext({ baseURL: postern.url, colorScheme, viewport }));
}

/** As {@link visit}, in a browser of its own that keeps no cookies. */
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
    const isRefusal = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
    if (["error", "warning"].includes(message.type()) && !isRefusal) errors.push(message.text());
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

/** Signs in by the page. */
export async function signIn(page, email, password = PASSWORD) {
  await page.goto("/signin");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/account");
  await page.getByRole("heading", { name: "Profile" }).waitFor();
}

/** The card of a page with this heading. */
export function section(page, name) {
  return page.getByRole("region", { name });
}

/** Waits until a page says this, in a place from which it is also read out. */
export async function told(scope, text) {
  await scope.getByRole("status").or(scope.getByRole("alert")).filter({ hasText: text }).first().waitFor();
}

/** Holds a page to what everybody can use: no rule of axe is broken, and nothing is cut off at the side. */
export async function assertUsable(page, about) {
  // Past the page's security policy, as a debugger does it.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document)).violations);
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
  );
  assert.deepEqual(told, [], about);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${about}: ${overflow} px are cut off at the side`);
}
