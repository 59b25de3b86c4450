// examples/react in a browser, rendered by a server, with Postern below the same origin.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { runSilently } from "../../scripts/lib/run.mjs";
import { PASSWORD, ok, send, signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { totp } from "../workerd/support/totp.mjs";
import { startBrowser } from "./support/browser.mjs";
import { assertUsable, visit } from "./support/visitor.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

let app;
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
  const { render } = await import(`data:text/javascript,${encodeURIComponent(page)}`);
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

async function bundle(name, platform) {
  const { outputFiles } = await build({
    entryPoints: [`${root}/examples/react/src/${name}.tsx`],
    bundle: true,
    format: "esm",
    platform,
    jsx: "automatic",
    // Development: React then reports what does not match.
    define: { POSTERN_URL: '""', "process.env.NODE_ENV": '"development"' },
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
    const html = page.replace("</body>", '<script type="module" src="/browser.js"></script></body>');
    return response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
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

async function signIn(page, email, password = PASSWORD) {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
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

  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  );
  assert.equal(stored, '[{},{},""]');
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
