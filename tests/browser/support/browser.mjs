// A real browser for the tests of the pages: the machine's own Chromium, driven by Playwright, with a fresh profile.

import { chromium } from "playwright-core";
import { findBrowser } from "../../../scripts/lib/browser.mjs";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startBrowser() {
  const executablePath = findBrowser();
  if (!executablePath) throw new Error("There is no browser: install Chromium, or set CHROMIUM to the path of one.");
  return await chromium.launch({ executablePath, args: flags });
}
