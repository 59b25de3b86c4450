// Programs that scan mail open every link before the recipient does, and some run the scripts of the page. Here a browser does so
// with every link of every mail. Nothing may be used up, and no session may start.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import {
  PASSWORD,
  adminToken,
  link,
  mail,
  ok,
  resetPassword,
  send,
  sendOtp,
  signUp,
  until,
} from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { startBrowser } from "./support/browser.mjs";
import { askForCode, codeMail, typeCode } from "./support/email-codes.mjs";
import { expectMessage, visit } from "./support/visitor.mjs";

/** Counters of requests, which every visit may change. */
const counters = ["throttles"];

let postern;
let browser;
before(async () => {
  [postern, browser] = await Promise.all([startPostern({ settings: { SIGN_UP: "approval" } }), startBrowser()]);
});
after(() => Promise.all([browser?.close(), postern?.stop()]));

const post = (path, options) => send(postern, "POST", `/api/auth/${path}`, options);

/** Returns the content of the database. */
async function contents() {
  const tables = await postern.sql(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  );
  const names = tables.map(({ name }) => name).filter((name) => !counters.includes(name));
  const rows = await Promise.all(names.map((name) => postern.sql(`SELECT * FROM "${name}" ORDER BY 1, 2`)));
  return Object.fromEntries(names.map((name, index) => [name, rows[index]]));
}

/** Returns every mail so far. */
async function everyMail() {
  return ok(await send(postern, "GET", "/dev/outbox", { headers: { accept: "application/json" } }));
}

function linksIn({ text, html }) {
  const inText = text.match(/https?:\/\/\S+/g) ?? [];
  const inHtml = [...html.matchAll(/href="([^"]+)"/g)].map(([, href]) => href.replaceAll("&amp;", "&"));
  return [...new Set([...inText, ...inHtml])];
}

/** Opens a link like a scanner: without and with scripts, in a browser that has no history here. */
async function scan(href) {
  for (const method of ["HEAD", "GET"]) assert.equal((await fetch(href, { method })).status, 200, href);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(href, { waitUntil: "networkidle" });
  await wait(500);
  assert.deepEqual(await context.cookies(), [], href);
  const text = await page.locator("main").textContent();
  await context.close();
  return text;
}

test("a scanner that opens every link of every mail uses nothing up and gets no session", async () => {
  // A mail of each kind.
  const admin = await adminToken(postern);
  const ada = await signUp(postern, "ada@example.com");
  const otp = await sendOtp(postern, ada);
  ok(await send(postern, "POST", "/api/auth/verify-otp", { form: { otp: otp.code, token: otp.token } }));
  ok(await post("reauthenticate/email", { token: ada.token }));
  ok(await post("send-password-reset-link", { json: { email: "ada@example.com" } }));
  ok(await post("me/send-invite", { token: admin, json: { email: "invited@example.com" } }));
  ok(await post("admin/users", { token: admin, json: { email: "created@example.com" } }));
  assert.equal((await post("signup", { json: { email: "ada@example.com", password: PASSWORD } })).status, 202);
  for (const decision of ["approve", "reject"]) {
    const email = `${decision}@example.com`;
    let token;
    const { code } = await codeMail(postern, email, async () => {
      ({ token } = (await post("signup", { json: { email } })).body);
    });
    assert.equal((await post("signup/verify", { json: { token, code } })).status, 202);
    const [{ id }] = await postern.sql("SELECT id FROM sign_ups WHERE email = ?", email);
    ok(await post(`admin/sign-ups/${id}/${decision}`, { token: admin }));
  }
  const grace = await visit(browser, postern);
  const signIn = await askForCode(grace.page, postern, "ada@example.com");
  const alan = await visit(browser, postern);
  await alan.page.goto("/signup");
  await alan.page.getByLabel("Email").fill("alan@example.com");
  const applied = await codeMail(postern, "alan@example.com", async () => {
    await alan.page.getByRole("button", { name: "Sign up" }).click();
    await expectMessage(alan.page, "An email is on its way to alan@example.com.");
  });
  const all = await until(async () => {
    const waiting = await postern.sql("SELECT count(*) AS count FROM mails");
    return waiting[0].count === 0 && everyMail();
  });

  const before = await contents();
  const links = [...new Set(all.flatMap(linksIn))];
  const texts = await Promise.all(links.map(scan));
  const shown = new Map(links.map((href, index) => [href, texts[index]]));
  const pages = new Set([...shown.keys()].map((href) => new URL(href).pathname));
  for (const page of ["/signin", "/signup", "/reset-password"]) assert.ok(pages.has(page), page);
  for (const { href, code } of [signIn, applied]) {
    assert.ok(href && shown.get(href)?.includes(code), href);
    assert.ok(!shown.get(href)?.includes("@"), "a scanner learns no email");
  }
  assert.deepEqual(await contents(), before);

  // Everything still works.
  const reset = link(await mail(postern, "ada@example.com", /Reset/)).searchParams.get("token");
  const created = link(await mail(postern, "created@example.com", /Set up/)).searchParams.get("token");
  const referrer = link(await mail(postern, "invited@example.com", /invited/)).searchParams.get("referrer");
  await grace.page.goto(signIn.href);
  await grace.page.getByRole("button", { name: "Sign in" }).click();
  await grace.page.waitForURL("/account");
  await typeCode(alan.page, applied.code);
  await alan.page.getByRole("heading", { name: "Waiting for approval" }).waitFor();
  for (const token of [reset, created]) ok(await resetPassword(postern, token, "battery staple, correct"));
  ok(await post("signup", { json: { referrer, email: "invited@example.com", password: PASSWORD } }));
  await grace.leave();
  await alan.leave();
});
