// `npm run screenshots`: takes the README's screenshots, in the light and the dark scheme, of the built Worker with some sample
// users.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { Failure, main, root, say } from "./lib/run.mjs";

const folder = join("docs", "screenshots");
/** Maximum size of a screenshot in bytes, because every clone downloads them. */
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
  mkdirSync(join(root, folder), { recursive: true });
  say("Taking screenshots (a few seconds).");
  const [postern, browser] = await Promise.all([startPostern({ settings: providers }), startBrowser()]);
  try {
    const people = await populate(postern);
    for (const colorScheme of ["light", "dark"]) await draw(postern, browser, people, colorScheme);
  } finally {
    await Promise.all([browser.close(), postern.stop()]);
  }
});

/** Creates a few users, each invited by another one. */
async function populate(postern) {
  const { PASSWORD, login, ok, send, signUp, userToken } = await import("../tests/workerd/support/client.mjs");
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
  return { ada, password: PASSWORD };
}

async function draw(postern, browser, { ada, password }, colorScheme) {
  const { section, signIn, visit } = await import("../tests/browser/support/visitor.mjs");
  const open = (width, height) => visit(browser, postern, { colorScheme, viewport: { width, height } });
  const save = async (page, name) => {
    const path = join(folder, `${name}-${colorScheme}.png`);
    await page.screenshot({ path: join(root, path), animations: "disabled", caret: "hide" });
    const { size } = statSync(join(root, path));
    if (size >= limit)
      throw new Failure(`${path} has ${size} bytes.`, `Capture less of the page: the limit is ${limit} bytes.`);
    console.log(`  ${path}: ${size} bytes`);
  };

  const visitor = await open(440, 700);
  await visitor.page.goto("/signin");
  await visitor.page.getByLabel("Email").fill("ada@example.com");
  await save(visitor.page, "sign-in");
  await visitor.leave();

  const user = await open(720, 760);
  await signIn(user.page, ada.user.email, password);
  await section(user.page, "Invitations").getByRole("listitem").first().waitFor();
  await save(user.page, "account");
  await user.leave();

  const admin = await open(720, 700);
  await signIn(admin.page, "admin", "admin");
  await admin.page.goto("/admin#tree");
  await section(admin.page, "Invite tree").getByText("Kurt Gödel").waitFor();
  await save(admin.page, "invite-tree");
  await admin.leave();
}
