// examples/react in a browser, rendered by a server, with Postern below the same origin and on another subdomain.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { runSilently } from "../../scripts/lib/run.mjs";
import { PASSWORD, ok, send, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { totp } from "../workerd/support/totp.mjs";
import { addAuthenticator } from "./support/authenticator.mjs";
import { startBrowser } from "./support/browser.mjs";
import { another, codeMail } from "./support/email-codes.mjs";
import { agree, leaveForAcme, startIdentityProvider, withoutFonts } from "./support/identity-provider.mjs";
import { startSubdomains } from "./support/subdomains.mjs";
import { assertUsable, looks, visit } from "./support/visitor.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

let app;
/** Renders the page on the server, with the address of Postern. */
let render;
let server;
let postern;
let browser;
before(async () => {
  const { status, stdout, stderr } = runSilently("npm", ["run", "build", "--workspace", "postern-client"]);
  assert.equal(status, 0, stdout + stderr);
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  app = { url: `http://localhost:${port}` };
  [postern, browser] = await Promise.all([startPostern({ settings: { APP_URL: app.url } }), startBrowser()]);
  const page = await bundle("server", "node");
  // Bundled here, because Node does not compile JSX.
  ({ render } = await import(`data:text/javascript,${encodeURIComponent(page)}`));
  const script = await bundle("browser", "browser");
  server.on("request", (request, response) => {
    respond(request, response, render(""), script).catch((error) => response.writeHead(500).end(String(error)));
  });
});
after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await postern?.stop();
});

async function bundle(name, platform, url = "") {
  const { outputFiles } = await build({
    entryPoints: [`${root}/examples/react/src/${name}.tsx`],
    bundle: true,
    format: "esm",
    platform,
    jsx: "automatic",
    // Development: React then reports what does not match.
    define: { POSTERN_URL: JSON.stringify(url), "process.env.NODE_ENV": '"development"' },
    banner:
      platform === "node"
        ? { js: 'import { createRequire } from "node:module"; const require = createRequire("file:///");' }
        : {},
    write: false,
  });
  return outputFiles[0].text;
}

/** The app's own pages, and Postern below /api/auth. */
async function respond(request, response, page, script) {
  if (request.url === "/browser.js")
    return response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(script);
  if (!request.url.startsWith("/api/auth/")) {
    return response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(withScript(page));
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { host, connection, ...headers } = request.headers;
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const answer = await postern.fetch(request.url, { method: request.method, headers, body });
  const { "content-encoding": _, "content-length": __, ...received } = Object.fromEntries(answer.headers);
  const cookies = answer.headers.getSetCookie();
  response.writeHead(answer.status, { ...received, ...(cookies.length > 0 && { "set-cookie": cookies }) });
  response.end(Buffer.from(await answer.arrayBuffer()));
}

const withScript = (page) => page.replace("</body>", '<script type="module" src="/browser.js"></script></body>');

async function signIn(page, email, password = PASSWORD) {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

const signInButton = (page) => page.getByRole("button", { name: "Sign in", exact: true });

/** Returns what scripts of the page can read. */
const stored = (page) =>
  page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));

async function signOut(page) {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Password").waitFor();
}

const signedInAs = (page, email) => page.getByText(`You are signed in as ${email}.`).waitFor();

test("a user signs in, stays signed in over a reload, and signs out in all tabs", async () => {
  const { user } = await signUp(postern, "react@example.com");
  const { page, leave } = await visit(browser, app);
  await page.goto("/");
  await page.getByLabel("Password").waitFor();
  await assertUsable(page, "the form");
  await signIn(page, user.email, "wrong");
  await page.getByRole("alert").filter({ hasText: "The email or the password is wrong." }).waitFor();
  await assertUsable(page, "the form, with an error");

  const other = await page.context().newPage();
  await other.goto("/");
  await other.getByLabel("Password").waitFor();
  await signIn(page, user.email);
  await signedInAs(page, user.email);
  await signedInAs(other, user.email);
  await assertUsable(page, "signed in");
  await page.reload();
  await signedInAs(page, user.email);

  assert.equal(await stored(page), '[{},{},""]');
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Password").waitFor();
  await other.getByLabel("Password").waitFor();
  await leave();
});

test("a user with a second factor gives it", async () => {
  const { user, token } = await signUp(postern, "react-second@example.com");
  const { secret } = ok(await send(postern, "POST", "/api/auth/me/totp", { token }));
  ok(await send(postern, "PUT", "/api/auth/me/totp", { token, json: { code: totp(secret) } }));
  const { page, leave } = await visit(browser, app);
  await page.goto("/");
  await signIn(page, user.email);
  const field = page.getByLabel("Code from your authenticator app");
  await field.waitFor();
  await assertUsable(page, "the second step");
  await field.fill("000000");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "The code is wrong or has expired." }).waitFor();
  await field.fill(totp(secret, 1));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await signedInAs(page, user.email);
  await leave();
});

test("a user with a second factor can give a recovery code, once", async () => {
  const { user, token } = await signUp(postern, "react-recovery@example.com");
  const { secret } = ok(await send(postern, "POST", "/api/auth/me/totp", { token }));
  const { recovery_codes } = ok(
    await send(postern, "PUT", "/api/auth/me/totp", { token, json: { code: totp(secret) } }),
  );
  const { page, leave } = await visit(browser, app);
  await page.goto("/");
  await signIn(page, user.email);
  const field = page.getByLabel("Or one of your recovery codes");
  // Nothing is sent without a code.
  await signInButton(page).click();
  await page.getByLabel("Code from your authenticator app").and(page.locator(":invalid:focus")).waitFor();
  await field.fill(recovery_codes[0]);
  await signInButton(page).click();
  await signedInAs(page, user.email);

  await signOut(page);
  await signIn(page, user.email);
  await field.fill(recovery_codes[0]);
  await signInButton(page).click();
  await page.getByRole("alert").filter({ hasText: "The code is wrong or has expired." }).waitFor();
  await page.getByRole("button", { name: "Start again" }).click();
  await page.getByLabel("Email").and(page.locator(":focus")).waitFor();
  assert.equal(await page.getByRole("alert").textContent(), "");
  await leave();
});

test("a user signs in with a code by email", async () => {
  const { user } = await signUp(postern, "react-code@example.com");
  const { page, leave } = await visit(browser, app);
  await page.goto("/");
  const ask = page.getByRole("button", { name: "Email me a code" });
  // It needs an email, but no password.
  await ask.click();
  await page.getByLabel("Email").and(page.locator(":focus")).fill(user.email);
  const { code } = await codeMail(postern, user.email, () => ask.click());
  const field = page.getByLabel("Code from the email").and(page.locator(":focus"));
  await field.fill(another(code));
  await assertUsable(page, "the code");
  await signInButton(page).click();
  await page.getByRole("alert").filter({ hasText: "The code is wrong or has expired." }).waitFor();
  await page.getByLabel("Code from the email").fill(code);
  await signInButton(page).click();
  await signedInAs(page, user.email);
  await leave();
});

test("a user signs in with a passkey, and uses it as the second factor", async () => {
  const { user } = await signUp(postern, "react-passkey@example.com");
  const { page, leave } = await visit(browser, app);
  const authenticator = await addAuthenticator(page);
  await page.goto("/");
  await signIn(page, user.email);
  await signedInAs(page, user.email);
  await addPasskey(page);
  await signOut(page);
  const button = page.getByRole("button", { name: "Sign in with a passkey" });

  // The user closes the dialog of the browser, or their finger is not recognized.
  await authenticator.setVerified(false);
  await button.click();
  await button.and(page.locator(":enabled")).waitFor();
  assert.equal(await page.getByRole("alert").textContent(), "");
  await authenticator.setVerified(true);
  await button.click();
  await signedInAs(page, user.email);

  // Requires two factors. The account has no authenticator app.
  const { recovery_codes } = await call(page, "PUT", "me/second-factor");
  for (const finish of [
    () => page.getByRole("button", { name: "Use a passkey" }).click(),
    // Nothing is sent without a code.
    async () => {
      await page.getByLabel("One of your recovery codes").and(page.locator(":focus")).waitFor();
      await signInButton(page).click();
      await page.getByLabel("One of your recovery codes").and(page.locator(":invalid")).fill(recovery_codes[0]);
      await signInButton(page).click();
      await signedInAs(page, user.email);
      await postern.sql("DELETE FROM recovery_codes WHERE user_id = ?", user.id);
    },
    // Without a field, the button has the focus.
    () => page.getByRole("button", { name: "Use a passkey" }).and(page.locator(":focus")).click(),
  ]) {
    await signOut(page);
    await signIn(page, user.email);
    await page.getByText("Your account needs a second step.").waitFor();
    await assertUsable(page, "the second step, with a passkey");
    await finish();
    await signedInAs(page, user.email);
  }
  await leave();
});

/** Calls Postern from the page. Returns the body of the response. */
async function call(page, method, path, body) {
  const { status, json } = await page.evaluate(
    async ([method, path, body]) => {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`/api/auth/${path}`, { method, headers, body: body && JSON.stringify(body) });
      return { status: response.status, json: await response.json() };
    },
    /** @type {const} */ ([method, path, body]),
  );
  assert.equal(status, 200, JSON.stringify(json));
  return json;
}

/** Adds a passkey to the account of the user. */
async function addPasskey(page) {
  const { token, publicKey } = await call(page, "POST", "me/passkeys/options");
  const credential = await page.evaluate(async (publicKey) => {
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
    const created = /** @type {any} */ (await navigator.credentials.create({ publicKey: options }));
    return created.toJSON();
  }, publicKey);
  await call(page, "POST", "me/passkeys", { token, credential });
}

test("when another tab signs in with another account, this one shows it", async () => {
  const [first, second] = [await signUp(postern, "react-1@example.com"), await signUp(postern, "react-2@example.com")];
  const { page, leave } = await visit(browser, app);
  await page.goto("/");
  await signIn(page, first.user.email);
  await signedInAs(page, first.user.email);
  // Without a word to this tab.
  await page.evaluate(
    (body) =>
      fetch("/api/auth/login", {
        method: "POST",
        headers: { "content-type": "application/json", "x-session-cookie": "set" },
        body,
      }),
    JSON.stringify({ email: second.user.email, password: PASSWORD }),
  );
  // Signing out concerns the account that the page shows, so nothing happens to the other one.
  await page.getByRole("button", { name: "Sign out" }).click();
  await signedInAs(page, second.user.email);
  await leave();
});

test("offline, the user stays signed in, and the page recovers", async () => {
  const { user } = await signUp(postern, "react-offline@example.com");
  const { page, leave } = await visit(browser, app);
  await page.goto("/");
  await signIn(page, user.email);
  await signedInAs(page, user.email);
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("alert").filter({ hasText: "You are still signed in." }).waitFor();
  await signedInAs(page, user.email);
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Password").waitFor();
  await leave(/ERR_INTERNET_DISCONNECTED/);
});

describe("on another subdomain than Postern", () => {
  const look = { ...looks[1], ignoreHTTPSErrors: true };
  let acme;
  let hosts;
  before(async () => {
    acme = await startIdentityProvider();
    const settings = { ...acme.settings, SIGN_UP: "open" };
    hosts = await startSubdomains(({ app }) => ({ ...settings, APP_ORIGINS: app }), acme.outbound);
    acme.register({ url: hosts.auth });
    const script = await bundle("browser", "browser", hosts.auth);
    hosts.responders.app = ({ url }) =>
      url === "/browser.js"
        ? { headers: { "content-type": "text/javascript; charset=utf-8" }, body: script }
        : { headers: { "content-type": "text/html; charset=utf-8" }, body: withScript(render(hosts.auth)) };
  });
  after(() => Promise.all([hosts?.stop(), acme?.stop()]));

  test("a user signs in, stays signed in over a reload, and signs out in all tabs", async () => {
    const { user } = await signUp(hosts.postern, "react@example.com");
    const { page, leave } = await visit(browser, { url: hosts.app }, look);
    await page.goto("/");
    const other = await page.context().newPage();
    await other.goto("/");
    await other.getByLabel("Password").waitFor();
    await signIn(page, user.email);
    await signedInAs(page, user.email);
    await signedInAs(other, user.email);
    await page.reload();
    await signedInAs(page, user.email);

    assert.equal(await stored(page), '[{},{},""]');
    const [cookie, ...others] = await page.context().cookies();
    assert.deepEqual(others, []);
    const { name, domain, httpOnly, sameSite } = cookie;
    assert.deepEqual(
      [name, domain, httpOnly, sameSite],
      ["__Host-session", new URL(hosts.auth).hostname, true, "Strict"],
    );
    await signOut(page);
    await other.getByLabel("Password").waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    await page.reload();
    await page.getByLabel("Password").waitFor();
    assert.deepEqual(new Set(hosts.received.app), new Set([""]));
    await leave();
  });

  test("a user signs in with an identity provider and comes back", async () => {
    acme.people.ada = { email: "ada@example.com", email_verified: true, name: "Ada" };
    const { page, leave } = await visit(browser, { url: hosts.app }, look);
    await withoutFonts(page);
    await page.goto("/cart?a=1#b");
    await page.getByRole("button", { name: "Sign in with Acme" }).click();
    await page.waitForURL(`${hosts.auth}/signin?**`);
    await leaveForAcme(page);
    await agree(page, "ada");
    await page.waitForURL(`${hosts.app}/cart?a=1#b`);
    await signedInAs(page, "ada@example.com");
    assert.equal(await stored(page), '[{},{},""]');
    await signOut(page);
    await leave();
  });
});
