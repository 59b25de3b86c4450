// An app on another subdomain uses the session; a host of someone else on the same site cannot.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { PASSWORD, signUp } from "../workerd/support/client.mjs";
import { startBrowser } from "./support/browser.mjs";
import { startSubdomains } from "./support/subdomains.mjs";

/** The code in the documentation: pages, sign-out, and servers. */
const [ofPages, ofSignOut, ofServers] = readFileSync(new URL("../../docs/inside-an-app.md", import.meta.url), "utf8")
  .matchAll(/```js\n(.*?)```/gs)
  .map(([, code]) => code);

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

const levels = [
  { name: "APP_ORIGINS", domain: undefined },
  { name: "SESSION_COOKIE_DOMAIN", domain: "example.test" },
];

for (const { name, domain } of levels) {
  describe(name, () => {
    let hosts;
    let context;
    let page;
    before(async () => {
      hosts = await startSubdomains(({ app }) => ({ APP_ORIGINS: app, SESSION_COOKIE_DOMAIN: domain }));
      await signUp(hosts.postern, "ada@example.com");
      hosts.responders.app = () => ({
        body: `<!doctype html><title>app</title><h1></h1><script type="module">
          ${ofPages.replaceAll("https://auth.example.com", hosts.auth)}
          document.querySelector("h1").textContent = user?.email;
        </script>`,
      });
    });
    after(() => hosts?.stop());
    beforeEach(async () => {
      await context?.close();
      context = await browser.newContext({ ignoreHTTPSErrors: true });
      context.setDefaultTimeout(15_000);
      page = await context.newPage();
      hosts.received.app.length = 0;
      hosts.received.evil.length = 0;
      hosts.responders.evil = undefined;
    });
    after(() => context?.close());

    /** Opens the app, which leads to the sign-in page and back. */
    async function signIn(email = "ada@example.com", password = PASSWORD) {
      await page.goto(`${hosts.app}/cart?a=1#b`);
      await page.waitForURL(/\/signin\?next=/);
      await page.getByLabel("Email").fill(email);
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL(`${hosts.app}/cart?a=1#b`);
      await page.getByRole("heading", { name: email }).waitFor();
    }

    /** Sends a request from the open page. Returns the status and the body, or the error. */
    const send = (path, init = {}) =>
      page.evaluate(
        async ([url, init]) => {
          try {
            const response = await fetch(url, { credentials: "include", ...init });
            return { status: response.status, body: await response.json().catch(() => null) };
          } catch (error) {
            return { error: error.name };
          }
        },
        /** @type {const} */ ([`${hosts.auth}/api/auth/${path}`, init]),
      );
    const json = (method, body, headers = {}) => ({
      method,
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });

    test("the app reads the user, changes the name and signs out", async () => {
      await signIn();
      const { body: user } = await send("me");
      assert.equal(user.email, "ada@example.com");
      const acting = { "X-Acting-As": user.id };
      assert.equal((await send("me/name", json("PUT", { name: "Ada" }, acting))).status, 200);
      assert.equal((await send("me/name", json("PUT", { name: "Eve" }, { "X-Acting-As": "x" }))).status, 409);
      await page.evaluate((code) => import(`data:text/javascript,${encodeURIComponent(code)}`), signOutCode());
      assert.equal((await send("me")).status, 401);
      const cookies = await context.cookies([hosts.auth, hosts.app]);
      assert.deepEqual(cookies, []);
    });

    const signOutCode = () => ofSignOut.replaceAll("https://auth.example.com", hosts.auth);

    test("the app can sign users in with a form of its own", async () => {
      await page.goto(`${hosts.app}/blank`);
      await page.waitForURL(/\/signin/);
      hosts.responders.app = undefined;
      await page.goto(hosts.app);
      const login = { email: "ada@example.com", password: PASSWORD };
      const answer = await send("login", json("POST", login, { "X-Session-Cookie": "set" }));
      assert.equal(answer.status, 200);
      assert.equal((await send("me")).body.email, "ada@example.com");
      hosts.responders.app = () => ({
        body: `<!doctype html><title>app</title><h1></h1><script type="module">
          ${ofPages.replaceAll("https://auth.example.com", hosts.auth)}
          document.querySelector("h1").textContent = user.email;
        </script>`,
      });
    });

    test("the app cannot call admin endpoints or change how the user signs in", async () => {
      await signIn("admin", "admin");
      for (const answer of [
        await send("admin/users"),
        await send("me/totp", { method: "POST" }),
        await send("me/email", json("POST", { email: "eve@example.com" })),
      ]) {
        assert.deepEqual([answer.status, answer.body.code], [403, "foreign_origin"]);
      }
    });

    test("a host of someone else reads nothing and changes nothing", async () => {
      await signIn();
      const before = await hosts.postern.sql("SELECT * FROM users");
      await page.goto(hosts.evil);
      assert.deepEqual(await send("me"), { error: "TypeError" });
      assert.deepEqual(await send("me/name", json("PUT", { name: "Eve" })), { error: "TypeError" });
      await send("logout", { method: "POST", mode: "no-cors" });
      await send("me/name", { ...json("PUT", { name: "Eve" }), mode: "no-cors" });
      await page.evaluate((url) => {
        document.body.innerHTML = `<form method="post" action="${url}"><button></button></form>`;
        document.querySelector("form").submit();
      }, `${hosts.auth}/api/auth/logout`);
      await page.waitForURL(`${hosts.auth}/api/auth/logout`);
      assert.match(await page.content(), /foreign_origin/);
      assert.deepEqual(await hosts.postern.sql("SELECT * FROM users"), before);
      await page.goto(`${hosts.app}/`);
      await page.getByRole("heading", { name: "ada@example.com" }).waitFor();
      // Servers get the token only in the cookie of the domain. Then every host below it gets it.
      assert.equal(
        hosts.received.evil.some((cookie) => cookie.includes("session=")),
        domain !== undefined,
      );
    });

    test("a host of someone else cannot sign the user in to another account", async () => {
      await signUp(hosts.postern, "eve@example.com").catch(() => {});
      const login = { method: "POST", body: JSON.stringify({ email: "eve@example.com", password: PASSWORD }) };
      const answer = await hosts.postern.fetch(`${hosts.auth}/api/auth/login`, {
        ...login,
        headers: { "content-type": "application/json" },
      });
      const { token } = await answer.json();
      await signIn();
      hosts.responders.evil = () => ({
        headers: {
          "set-cookie": [
            `__Host-session=${token}; Domain=example.test; Path=/; Secure`,
            `__Host-session=${token}; Path=/; Secure`,
            `__Secure-session=${token}; Domain=example.test; Path=/; Secure; HttpOnly`,
            `__Secure-session=${token}; Domain=example.test; Path=/api; Secure; HttpOnly`,
            `session=${token}; Domain=example.test; Path=/; Secure`,
          ],
        },
      });
      await page.goto(hosts.evil);
      // `X-Session-Cookie` needs a preflight, which this host does not pass.
      const headers = { "Content-Type": "application/json", "X-Session-Cookie": "set" };
      assert.deepEqual(await send("login", { ...login, headers }), { error: "TypeError" });
      for (const url of [`${hosts.app}/`, `${hosts.auth}/account`]) {
        await page.goto(url);
        await page.getByText("ada@example.com").first().waitFor();
      }
      assert.equal((await send("me")).body.email, "ada@example.com");
    });

    test("a cookie that a host of someone else sets with other characters than ASCII does nothing", async () => {
      await signUp(hosts.postern, "mallory@example.com").catch(() => {});
      const answer = await hosts.postern.fetch(`${hosts.auth}/api/auth/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email: "mallory@example.com", password: PASSWORD }),
      });
      const { token } = await answer.json();
      const plant = async (...cookies) => {
        await page.goto(hosts.evil);
        await page.evaluate((cookies) => {
          // biome-ignore lint/suspicious/noDocumentCookie: this is what the other host does
          for (const cookie of cookies) document.cookie = `${cookie}; Domain=example.test; Path=/; Secure`;
        }, cookies);
      };
      // To browsers, these are other names than `__Host-session`.
      const disguised = ["\u2003", "\u00a0", "\u3000"].map((space) => `${space}__Host-session=${token}`);
      await plant(...disguised);
      await page.goto(hosts.app);
      await page.waitForURL(/\/signin\?next=/);
      await signIn();
      await plant("city=Z\u00fcrich", ...disguised);
      for (const url of [`${hosts.app}/`, `${hosts.auth}/account`]) {
        await page.goto(url);
        await page.getByText("ada@example.com").first().waitFor();
      }
      assert.equal((await send("me")).body.email, "ada@example.com");
    });

    test("the server of the app gets the token only with SESSION_COOKIE_DOMAIN", async () => {
      await signIn();
      await page.goto(`${hosts.app}/`);
      await page.getByRole("heading", { name: "ada@example.com" }).waitFor();
      const cookie = hosts.received.app.at(-1);
      if (domain === undefined) return assert.equal(cookie, "");
      const user = await userOf(cookie);
      assert.equal(user.email, "ada@example.com");
      assert.equal(await userOf(""), null);
      assert.equal(await userOf(`${cookie}; ${cookie}`), null);
      await send("logout", { method: "POST" });
      await page.goto(`${hosts.app}/`);
      assert.equal(hosts.received.app.at(-1), "");
    });

    /** Runs the code in the documentation on a server that has received this cookie. */
    async function userOf(cookie) {
      const run = new Function("request", "fetch", `return (async () => { ${ofServers}; return user; })()`);
      const request = new Request(hosts.app, { headers: { cookie } });
      return await run(request, (url, init) =>
        hosts.postern.fetch(url.replace("https://auth.example.com", hosts.auth), init),
      );
    }

    test("a link to the sign-in page cannot redirect elsewhere", async () => {
      await signIn();
      const bad = [
        hosts.evil,
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https:evil.example",
        `${hosts.app}@evil.example`,
        `${hosts.app}.evil.example`,
        `${hosts.app}\\@evil.example`,
        hosts.app.toUpperCase(),
        hosts.app.replace("https", "http"),
        "javascript:document.title='evil'",
        "data:text/html,evil",
        "/%2fevil.example",
        "/api/auth/config",
        ` ${hosts.app}`,
        `${hosts.app}/${"a".repeat(2048)}`,
      ];
      for (const next of bad) {
        await context.clearCookies();
        await page.goto(`${hosts.auth}/signin?next=${encodeURIComponent(next)}`);
        await page.getByLabel("Email").fill("ada@example.com");
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.waitForURL(`${hosts.auth}/account`);
      }
    });
  });
}
