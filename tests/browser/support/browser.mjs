// The browser for the page tests: the installed Chromium, driven by Playwright, with a new profile.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { findBrowser } from "../../../scripts/lib/browser.mjs";

/** A host name that the browser resolves to this machine, like a device on the same network would. */
export const LAN_HOST = "postern.lan";

/** A domain whose hosts the browser resolves to this machine. */
export const SITE = "example.test";

const executablePath = findBrowser();
// Here and not in `startBrowser`: the hook of a test that calls it would leave behind what it has started, and the test would not end.
if (!executablePath || !existsSync(executablePath)) {
  const what = executablePath ? `${executablePath} does not exist` : "there is none on the PATH";
  throw new Error(`The tests need a browser, and ${what}: install Chromium, or set CHROMIUM to the path of one.`);
}

const flags = [
  `--host-resolver-rules=MAP ${LAN_HOST} 127.0.0.1, MAP *.${SITE} 127.0.0.1`,
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startBrowser() {
  return await chromium.launch({ executablePath, args: flags });
}

/** Starts a browser whose user has blocked all cookies. Returns its context; closing it ends the browser. */
export async function startBrowserWithoutCookies(options) {
  const profile = mkdtempSync(join(tmpdir(), "postern-browser-"));
  mkdirSync(join(profile, "Default"));
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: flags, ...options });
  // Not when the context closes, because the browser still writes to it for a moment.
  process.on("exit", () => rmSync(profile, { recursive: true, force: true }));
  return context;
}
