// Turnstile on the pages. The browser gets a stand-in for its script, and the Worker one for Cloudflare's service, so no request reaches
// the network. Cloudflare's policy of the page is the real one.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { PASSWORD, mail, signUp, userToken } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { expectMessage, visit } from "./support/visitor.mjs";

const settings = {
  TURNSTILE_SITE_KEY: "1x00000000000000000000AA",
  TURNSTILE_SECRET_KEY: "1x0000000000000000000000000000000AA",
};
const script = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

/**
 * A stand-in for Turnstile's script with the documented interface. It draws a frame of Cloudflare, as the real one does, and passes
 * with a new token each time. `mode` is what happens instead.
 */
function turnstile(mode) {
  const page = /** @type {any} */ (window);
  const widgets = new Map();
  const pass = (options) => options.callback(`token ${++page.tokens} of ${options.action}`);
  const run = (widget) => {
    const { options } = widgets.get(widget);
    if (mode === "fails") setTimeout(() => options["error-callback"]("600010"));
    else if (mode === "asks") setTimeout(() => options["before-interactive-callback"]());
    else setTimeout(() => pass(options));
  };
  page.tokens = 0;
  page.solve = () => {
    for (const { options } of widgets.values()) pass(options);
  };
  page.turnstile = {
    render(place, options) {
      if (!options.sitekey) throw new Error("no site key");
      const frame = document.createElement("iframe");
      frame.src = "https://challenges.cloudflare.com/widget";
      frame.title = "Widget containing a Cloudflare security challenge";
      place.append(frame);
      const widget = `cf-${widgets.size}`;
      widgets.set(widget, { options, frame });
      run(widget);
      return widget;
    },
    reset: run,
    remove(widget) {
      widgets.get(widget).frame.remove();
      widgets.delete(widget);
    },
  };
}

let browser;
let postern;
/** The user token of an invitation. */
let referrer;
/** The tokens that Cloudflare was asked about. */
let asked = [];
before(async () => {
  const outbound = async (request) => {
    const { response } = await request.json();
    const isNew = !asked.includes(response);
    asked.push(response);
    return Response.json({ success: isNew, "error-codes": isNew ? [] : ["timeout-or-duplicate"] });
  };
  [postern, browser] = await Promise.all([startPostern({ settings: { SIGN_UP: "open" }, outbound }), startBrowser()]);
  const { token } = await signUp(postern, "ada@example.com");
  referrer = await userToken(postern, token);
  await postern.restart({ settings });
});
after(() => Promise.all([browser?.close(), postern?.stop()]));
beforeEach(() => {
  asked = [];
});

/** Opens a window in which Cloudflare is a stand-in. */
async function visitWith(mode) {
  const visitor = await visit(browser, postern);
  await visitor.page.route("https://challenges.cloudflare.com/**", (route) => {
    const isScript = route.request().url() === script;
    if (mode === "is unreachable") return route.abort();
    return route.fulfill(
      isScript
        ? { contentType: "text/javascript", body: `(${turnstile})(${JSON.stringify(mode)})` }
        : { contentType: "text/html", body: "<!doctype html><title>Widget</title>" },
    );
  });
  return visitor;
}

async function askForLink(page) {
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByRole("button", { name: "Email me a link" }).click();
}

test("the page sends a new token with each request for a reset link", async () => {
  const { page, leave } = await visitWith();
  await page.goto("/forgot-password");
  await askForLink(page);
  await expectMessage(page, "a link is on its way");
  await mail(postern, "ada@example.com", /Reset/);
  await askForLink(page);
  await expectMessage(page, "a link is on its way");
  assert.deepEqual(asked, ["token 1 of password_reset", "token 2 of password_reset"]);
  await leave();
});

test("the page sends a new token with each request for a code", async () => {
  const { page, leave } = await visitWith();
  await page.goto("/signin");
  await page.getByLabel("Email").fill("ada@example.com");
  const button = page.getByRole("button", { name: "Email me a code" });
  // The first click opens the form and sends it.
  await button.click();
  await page.getByRole("heading", { name: "Check your email" }).waitFor();
  await page.getByRole("button", { name: "start again" }).click();
  await button.click();
  await page.getByRole("heading", { name: "Check your email" }).waitFor();
  assert.equal(new Set(asked).size, 2);
  for (const token of asked) assert.match(token, /^token \d of login_email$/);
  await leave();
});

test("the page sends a token with a sign-up", async () => {
  const { page, leave } = await visitWith();
  await page.goto(`/signup?referrer=${referrer}`);
  await page.getByLabel("Email").fill("invited@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.waitForURL("/account");
  assert.deepEqual(asked, ["token 1 of signup"]);

  asked = [];
  await page.goto("/signup");
  await page.getByLabel("Email").fill("open@example.com");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "Check your email" }).waitFor();
  assert.deepEqual(asked, ["token 1 of signup"]);
  await leave();
});

test("who is asked to confirm that they are a person can do it and try again", async () => {
  const { page, leave } = await visitWith("asks");
  await page.goto("/forgot-password");
  await page.getByTitle("Cloudflare security challenge").waitFor();
  await askForLink(page);
  await expectMessage(page, "Confirm that you are a person first");
  assert.deepEqual(asked, []);
  await page.evaluate("solve()");
  await askForLink(page);
  await expectMessage(page, "a link is on its way");
  await leave();
});

test("if Turnstile fails or cannot be reached, the page says so", async () => {
  for (const mode of ["fails", "is unreachable"]) {
    const { page, leave } = await visitWith(mode);
    await page.goto("/forgot-password");
    await askForLink(page);
    await expectMessage(page, "The captcha could not be loaded.");
    assert.deepEqual(asked, []);
    await leave(mode === "fails" ? undefined : /ERR_FAILED/);
  }
});

test("without the setting, nothing of Cloudflare is loaded", async () => {
  await postern.restart({ settings: { TURNSTILE_SITE_KEY: undefined, TURNSTILE_SECRET_KEY: undefined } });
  const { page, leave } = await visitWith();
  const foreign = [];
  page.on("request", (request) => request.url().startsWith(postern.url) || foreign.push(request.url()));
  for (const path of ["/forgot-password", "/signup", "/signin"]) {
    await page.goto(path);
    await page.getByLabel("Email").waitFor();
    assert.equal(await page.locator("iframe").count(), 0);
  }
  assert.deepEqual(foreign, []);
  await leave();
});
