// `npm run screenshots`: takes a picture of every page of the built Worker with some sample users, at 360 and 1280 px, in the light and
// the dark scheme, into build/screenshots. The README's pictures go to docs/screenshots.

import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { Failure, main, root, say } from "./lib/run.mjs";

const folder = join("build", "screenshots");
const readme = join("docs", "screenshots");
/** Maximum size of the README's pictures in bytes, because every clone downloads them. */
const limit = 100_000;

/** The sign-in page shows two of the identity providers. Nobody is sent there. */
const providers = {
  IDENTITY_PROVIDERS: "google,github",
  GOOGLE_CLIENT_ID: "id",
  GOOGLE_CLIENT_SECRET: "secret",
  GITHUB_CLIENT_ID: "id",
  GITHUB_CLIENT_SECRET: "secret",
};

await main(async () => {
  await build();
  const { startPostern } = await import("../tests/workerd/support/postern.mjs");
  const { startBrowser } = await import("../tests/browser/support/browser.mjs");
  const { looks } = await import("../tests/browser/support/visitor.mjs");
  rmSync(join(root, folder), { recursive: true, force: true });
  for (const path of [folder, readme]) mkdirSync(join(root, path), { recursive: true });
  say("Taking screenshots (a minute).");
  const [postern, browser] = await Promise.all([startPostern({ settings: providers }), startBrowser()]);
  try {
    const people = await populate(postern);
    for (const look of looks) await drawAll(postern, browser, people, look);
    for (const colorScheme of ["light", "dark"]) await drawForReadme(postern, browser, colorScheme);
  } finally {
    await Promise.all([browser.close(), postern.stop()]);
  }
  say(`The pictures of all pages are in ${folder}.`);
});

/** Creates a few users, each invited by another one. */
async function populate(postern) {
  const { PASSWORD, login, ok, resetToken, send, signUp, userToken } = await import(
    "../tests/workerd/support/client.mjs"
  );
  const put = (name, { token }) => send(postern, "PUT", "/api/auth/me/name", { token, json: { name } });
  const invite = async (inviter, email, name) => {
    const referrer = await userToken(postern, inviter.token);
    return ok(await send(postern, "POST", "/api/auth/signup", { json: { referrer, email, name, password: PASSWORD } }));
  };
  const ada = await signUp(postern, "ada@example.com");
  ok(await put("Ada Lovelace", ada));
  const grace = await invite(ada, "grace@example.com", "Grace Hopper");
  await invite(grace, "barbara@example.com", "Barbara Liskov");
  await invite(grace, "frances@example.com", "Frances Allen");
  const alan = await invite(ada, "alan@example.com", "Alan Turing");
  await invite(alan, "kurt@example.com", "Kurt Gödel");
  await invite(alan, "john@example.com", "John von Neumann");
  const admin = ok(await login(postern, "admin", "admin"));
  ok(await send(postern, "POST", `/api/auth/admin/users/${alan.user.id}/freeze`, { token: admin.token }));
  const json = { name: "The fair", max_uses: 30 };
  ok(await send(postern, "POST", "/api/auth/me/create-token", { token: ada.token, json }));
  await login(postern, "grace@example.com", "not her password");
  await countDays(postern);
  return {
    ada,
    referrer: await userToken(postern, ada.token),
    reset: await resetToken(postern, "grace@example.com"),
  };
}

/** Fills the charts of the overview: the counts of the 29 days before today. */
async function countDays(postern) {
  for (let age = 1; age < 30; age += 1) {
    const day = new Date(Date.now() - age * 86_400_000).toISOString().slice(0, 10);
    const counts = {
      sign_ins: 48 + ((age * 13) % 31) - age,
      failed_sign_ins: 2 + ((age * 7) % 6),
      sign_ups: 3 + ((age * 5) % 7),
      password_resets: (age * 3) % 4,
      active_sessions: 190 - 4 * age,
    };
    for (const [name, count] of Object.entries(counts))
      await postern.sql("INSERT INTO daily_counts (day, name, count) VALUES (?, ?, ?)", day, name, count);
  }
}

/** Takes a picture of every page. */
async function drawAll(postern, browser, { ada, referrer, reset }, look) {
  const { signIn, visit } = await import("../tests/browser/support/visitor.mjs");
  const { page, leave } = await visit(browser, postern, look);
  const suffix = `${look.viewport.width}-${look.colorScheme}.png`;
  const save = async (name) => {
    await page.locator("h1").waitFor();
    // Content has replaced the gray lines. The page of the design system shows some.
    if (name !== "design")
      await page.waitForFunction(() => !document.querySelector(".skeleton, main [aria-busy=true]"));
    const path = join(root, folder, `${name}-${suffix}`);
    await page.screenshot({ path, fullPage: true, animations: "disabled", caret: "hide" });
  };
  const draw = async (name, path) => {
    await page.goto(path);
    await save(name);
  };

  await draw("sign-in", "/signin");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The email or the password is wrong.").waitFor();
  await save("sign-in-error");
  await page.goto("/signin");
  await page.getByRole("button", { name: "Email me a code" }).click();
  await save("sign-in-by-email");
  await draw("sign-up", `/signup?referrer=${referrer}&email=new@example.com`);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByText("Strong.").or(page.getByText("Good.")).waitFor();
  await save("sign-up-strength");
  await draw("sign-up-dead-invitation", "/signup?referrer=dead");
  await draw("sign-up-without-invitation", "/signup");
  await draw("forgot-password", "/forgot-password");
  await draw("reset-password", `/reset-password?token=${reset}`);
  await draw("reset-password-used", "/reset-password?token=used");
  await draw("callback", "/callback#provider=google&state=unknown&code=code");
  await draw("undo-email-change", "/undo-email-change#token=unknown");
  await draw("not-found", "/not-found");
  await draw("docs", "/docs");
  await page.locator("details.operation summary").first().click();
  await save("docs-call");
  await draw("design", "/dev/design");

  await signIn(page, ada.user.email);
  for (const view of ["profile", "security", "sessions", "invitations", "data"]) {
    await page.goto(`/account#${view}`);
    await save(`account-${view}`);
  }
  await page.getByRole("button", { name: "Deactivate" }).click();
  await save("account-dialog");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Account menu/ }).click();
  await save("account-menu");
  await draw("sign-in-continue", "/signin");

  await page.context().clearCookies();
  await signIn(page, "admin", "admin");
  for (const view of ["overview", "users", "sign-ups", "tree", "events"]) {
    await page.goto(`/admin#${view}`);
    await save(`admin-${view}`);
  }
  await page.goto("/admin#users");
  await page.getByRole("button", { name: "New user" }).click();
  await save("admin-new-user");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: ada.user.email }).click();
  await page.waitForURL(/#user\?/);
  await save("admin-user");
  await page.goto("/admin#tree");
  await page
    .getByRole("button", { name: /^Show whom/ })
    .first()
    .click();
  await page.getByText("Ada Lovelace").waitFor();
  await page.getByRole("button", { name: "Actions for ada@example.com" }).click();
  await page.getByRole("button", { name: "Freeze" }).click();
  await page.getByRole("dialog").waitFor();
  await save("admin-freeze");

  for (const language of ["de", "ar"]) {
    await page.evaluate((chosen) => localStorage.setItem("language", chosen), language);
    await draw(`${language}-admin-overview`, "/admin");
    await page.goto("/account#security");
    await page.reload();
    await save(`${language}-account-security`);
    await draw(`${language}-sign-up`, `/signup?referrer=${referrer}`);
  }
  await leave();
}

async function drawForReadme(postern, browser, colorScheme) {
  const { signIn, visit } = await import("../tests/browser/support/visitor.mjs");
  const open = (width, height) => visit(browser, postern, { colorScheme, viewport: { width, height } });
  const save = async (page, name) => {
    const path = join(readme, `${name}-${colorScheme}.png`);
    // There is no scroll bar in the picture.
    await page.evaluate(() => document.documentElement.style.setProperty("scrollbar-gutter", "auto"));
    await page.screenshot({ path: join(root, path), animations: "disabled", caret: "hide" });
    const { size } = statSync(join(root, path));
    if (size >= limit)
      throw new Failure(`${path} has ${size} bytes.`, `Capture less of the page: the limit is ${limit} bytes.`);
    console.log(`  ${path}: ${size} bytes`);
  };

  const visitor = await open(440, 780);
  await visitor.page.goto("/signin");
  await visitor.page.getByLabel("Email").fill("ada@example.com");
  await save(visitor.page, "sign-in");
  await visitor.leave();

  const admin = await open(760, 780);
  await signIn(admin.page, "admin", "admin");
  await admin.page.goto("/admin#overview");
  await admin.page.getByRole("heading", { name: "Recent events" }).waitFor();
  await admin.page.waitForFunction(() => !document.querySelector(".skeleton"));
  await save(admin.page, "overview");
  await admin.leave();
}
