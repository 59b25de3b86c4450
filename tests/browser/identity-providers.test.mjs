// Signing in and signing up with an identity provider, in a real browser and at a real provider on another site.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, login, ok, refused, signUp, adminToken, userToken } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";
import { totp } from "../workerd/support/totp.mjs";
import { forgetLastCode } from "./support/authenticator.mjs";
import { startBrowser } from "./support/browser.mjs";
import { sessions } from "./support/email-codes.mjs";
import {
  agree,
  cancel,
  leaveForAcme,
  signInAtAcme,
  startIdentityProvider,
  withoutFonts,
} from "./support/identity-provider.mjs";
import { expectMessage, openView, section, signOut, visit } from "./support/visitor.mjs";

let acme;
let postern;
let browser;
before(async () => {
  acme = await startIdentityProvider();
  const settings = { ...acme.settings, SIGN_UP: "open" };
  [postern, browser] = await Promise.all([startPostern({ settings, outbound: acme.outbound }), startBrowser()]);
  acme.register(postern);
});
after(() => Promise.all([browser?.close(), postern?.stop(), acme?.stop()]));

/** Opens a window for someone whose account at the provider says this. */
async function enter(name, person = {}, at = postern) {
  const email = `${name}@example.com`;
  acme.people[name] = { email, email_verified: true, name, ...person };
  const visitor = await visit(browser, at);
  await withoutFonts(visitor.page);
  return { ...visitor, email };
}

/** Signs in with the provider, from the sign-in page. */
async function enterWithAcme(page, name, path = "/signin") {
  await page.goto(path);
  await leaveForAcme(page);
  await agree(page, name);
}

const profile = (page) => section(page, "Profile");
const isOnAccount = (page) => page.waitForURL("/account").then(() => profile(page).waitFor());
const stored = (page) => page.evaluate(() => JSON.stringify({ ...localStorage }));

/** Comes back from the provider to a page that cannot reach the service. Returns the URL that the provider has sent the browser to. */
async function arriveOffline(page, name) {
  let url = "";
  page.on("request", (request) => {
    if (request.url().includes("/api/auth/callback/")) url = request.url();
  });
  await page.route("**/api/auth/login/acme/callback", (route) => route.abort());
  await enterWithAcme(page, name);
  await expectMessage(page, "The service cannot be reached.");
  await page.unroute("**/api/auth/login/acme/callback");
  return url;
}

test("a user signs up with a provider, and signs in with it again", async () => {
  const { page, leave, email } = await enter("ada", { name: "Ada Lovelace" });
  await enterWithAcme(page, "ada");
  await isOnAccount(page);
  await profile(page).getByText(email).waitFor();
  await profile(page).getByText("Verified", { exact: true }).waitFor();
  assert.equal(await profile(page).getByLabel("Name").inputValue(), "Ada Lovelace");

  const [cookie] = await page.context().cookies(postern.url);
  assert.deepEqual([cookie.sameSite, cookie.httpOnly], ["Strict", true]);

  await signOut(page);
  // The provider still knows the user, and asks nothing.
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await isOnAccount(page);
  await profile(page).getByText(email).waitFor();
  const [{ count }] = await postern.sql("SELECT count(*) AS count FROM users WHERE email = ?", email);
  assert.equal(count, 1);
  await leave();
});

test("the code is not in the address bar, and the token is forgotten once it is used", async () => {
  const { page, leave } = await enter("bea");
  let atCallback;
  await page.route("**/api/auth/login/acme/callback", async (route) => {
    atCallback = [page.url(), await stored(page), route.request().postDataJSON().token];
    await route.continue();
  });
  await enterWithAcme(page, "bea");
  await isOnAccount(page);
  const [url, kept, token] = atCallback ?? [];
  assert.equal(url, `${postern.url}/callback`);
  assert.ok(kept.includes(token));
  assert.ok(!(await stored(page)).includes(token));
  await leave();
});

test("a provider on another site can send the browser back with a form, as Apple does", async () => {
  const { page, leave, email } = await enter("form");
  const posted = await withFormPost(page);
  await enterWithAcme(page, "form");
  await isOnAccount(page);
  await profile(page).getByText(email).waitFor();
  assert.deepEqual(posted(), []);

  // Signed in, but browsers do not send `SameSite=Strict` cookies with this form. The page that it leads to has them.
  await openView(page, "security");
  const accounts = section(page, "Linked accounts");
  await accounts.getByRole("button", { name: "Unlink" }).waitFor();
  await page.getByRole("button", { name: "Link another Acme account" }).click();
  await expectMessage(accounts, "Acme");
  assert.deepEqual(posted(), [["local-session", "SameSite=Strict"]]);
  await leave();
});

/**
 * Makes the provider answer with a form. Returns a function that returns the cookies that the browser has not sent with the last form, and
 * why.
 */
async function withFormPost(page) {
  await page.route(`${acme.issuer}/auth?**`, (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set("response_mode", "form_post");
    return route.continue({ url: url.href });
  });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  let form;
  const cookies = new Map();
  devtools.on("Network.requestWillBeSent", ({ requestId, request }) => {
    if (request.method === "POST" && request.url === `${postern.url}/api/auth/callback/acme`) form = requestId;
  });
  devtools.on("Network.requestWillBeSentExtraInfo", ({ requestId, associatedCookies }) => {
    // The redirect after the form has the same id.
    if (!cookies.has(requestId)) cookies.set(requestId, associatedCookies);
  });
  return () => {
    assert.ok(form, "no form was sent");
    const kept = cookies.get(form).map(({ cookie, blockedReasons: [reason] }) => {
      assert.match(reason, /^(Schemeful)?SameSiteStrict$/);
      return [cookie.name, "SameSite=Strict"];
    });
    form = undefined;
    return kept;
  };
}

test("an invitation survives the round trip, and without one the page says that it takes one", async () => {
  await postern.restart({ settings: { SIGN_UP: "invitation" } });
  try {
    const invitation = await userToken(postern, await adminToken(postern));
    const { page, leave, email } = await enter("cleo");
    await enterWithAcme(page, "cleo", `/signup?referrer=${invitation}`);
    await isOnAccount(page);
    const [{ inviter }] = await postern.sql(
      "SELECT inviter.email AS inviter FROM users JOIN users AS inviter ON inviter.id = users.referrer_id WHERE users.email = ?",
      email,
    );
    assert.equal(inviter, "admin");
    await leave();

    const other = await enter("dan");
    await enterWithAcme(other.page, "dan");
    await expectMessage(other.page, "You need an invitation to sign up here.");
    await other.page.getByRole("link", { name: "Sign up another way" }).click();
    await other.page.getByRole("button", { name: "Continue with Acme" }).click();
    await expectMessage(other.page, "Enter your invitation first.");
    await other.page.getByLabel("Invitation").and(other.page.locator(":focus")).waitFor();
    await other.page.getByLabel("Invitation").fill(await userToken(postern, await adminToken(postern)));
    // The provider still knows the user, and asks nothing.
    await other.page.getByRole("button", { name: "Continue with Acme" }).click();
    await isOnAccount(other.page);
    await other.leave();

    // What is typed counts, not the dead invitation in the address.
    const late = await enter("late");
    await late.page.goto("/signup?referrer=0000000000");
    await late.page.getByRole("button", { name: "Enter another invitation" }).click();
    await late.page.getByRole("button", { name: "Continue with Acme" }).click();
    await expectMessage(late.page, "Enter your invitation first.");
    await late.page.getByLabel("Invitation").fill(await userToken(postern, await adminToken(postern)));
    await leaveForAcme(late.page);
    await agree(late.page, "late");
    await isOnAccount(late.page);
    await late.leave();
  } finally {
    await postern.restart({ settings: { SIGN_UP: "open" } });
  }
});

test("an email at another domain is refused, with a link to sign up another way", async () => {
  await postern.restart({ settings: { SIGN_UP: "domains:acme.example" } });
  try {
    const { page, leave } = await enter("dina");
    await enterWithAcme(page, "dina");
    await expectMessage(page, "You cannot sign up with an email at this domain.");
    await page.getByRole("link", { name: "Sign up another way" }).click();
    await page.waitForURL((url) => url.pathname === "/signup");
    await leave();
  } finally {
    await postern.restart({ settings: { SIGN_UP: "open" } });
  }
});

test("a sign-up that an admin must approve says so", async () => {
  await postern.restart({ settings: { SIGN_UP: "approval" } });
  try {
    const { page, leave, email } = await enter("dora");
    await enterWithAcme(page, "dora", "/signup");
    await page.getByRole("heading", { name: "Waiting for approval" }).waitFor();
    await page.reload();
    await page.getByText("This sign-in was already used.").waitFor();
    assert.equal(await sessions(postern, email), 0);
    await leave();
  } finally {
    await postern.restart({ settings: { SIGN_UP: "open" } });
  }
});

test("two tabs both finish", async () => {
  const { page, leave, email } = await enter("eve");
  const other = await page.context().newPage();
  for (const tab of [page, other]) {
    await tab.goto("/signin");
    await leaveForAcme(tab);
  }
  await agree(page, "eve");
  await isOnAccount(page);
  await signInAtAcme(other, "eve");
  await isOnAccount(other);
  assert.equal(await sessions(postern, email), 2);
  await leave();
});

test("a user who cancels at the provider sees a message and can try again", async () => {
  const { page, leave } = await enter("finn");
  await page.goto("/signin?next=/admin%23users");
  await leaveForAcme(page);
  await cancel(page);
  await expectMessage(page, "You canceled at Acme.");
  assert.equal(page.url(), `${postern.url}/callback`);
  await page.reload();
  await expectMessage(page, "You canceled at Acme.");
  const link = page.getByRole("link", { name: "Sign in another way" });
  assert.equal(await link.getAttribute("href"), "/signin?next=%2Fadmin%23users");
  await leaveForAcme(page, "Try again");
  await agree(page, "finn");
  await page.waitForURL("/admin#users");
  await leave();
});

test("a provider that is down, slow or answers nonsense is a sentence, and works again when it is back", async () => {
  const { page, leave } = await enter("gus");
  const troubles = {
    down: () => new Response("", { status: 502 }),
    gone: () => Promise.reject(new Error("The connection was refused.")),
    nonsense: () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    slow: () => new Promise((resolve) => setTimeout(resolve, 8_000, new Response("{}"))),
  };
  for (const [trouble, respond] of Object.entries(troubles)) {
    acme.instead = ({ url }) => (url.endsWith("/token") ? respond() : undefined);
    await page.goto("/signin");
    await page.getByRole("button", { name: "Continue with Acme" }).click();
    // After that, the provider knows the user and asks nothing.
    if (trouble === "down") await agree(page, "gus");
    await expectMessage(page, "The provider cannot be reached at the moment.");
    assert.equal(page.url(), `${postern.url}/callback`);
    acme.instead = undefined;
    await page.getByRole("button", { name: "Try again" }).click();
    await isOnAccount(page);
    await signOut(page);
  }
  await leave(/status of 503/);
});

test("a provider that cannot be reached before the visit is a sentence on the page to sign in", async () => {
  const { page, leave } = await enter("hal");
  // Nothing is known of the provider yet.
  await postern.restart();
  await page.goto("/signin");
  acme.instead = () => new Response("", { status: 502 });
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await expectMessage(page, "The provider cannot be reached at the moment.");
  acme.instead = undefined;
  await leaveForAcme(page);
  await agree(page, "hal");
  await isOnAccount(page);
  await leave(/status of 503/);
});

test("an answer that arrives in another browser opens nothing there", async () => {
  const { page, leave, email } = await enter("ida");
  const url = await arriveOffline(page, "ida");
  const elsewhere = await visit(browser, postern);
  await elsewhere.page.goto(url);
  await elsewhere.page.getByText("This sign-in was started in another browser or window").waitFor();
  assert.equal(elsewhere.page.url(), `${postern.url}/callback`);
  assert.equal(await sessions(postern, email), 0);
  assert.deepEqual(await elsewhere.page.context().cookies(), []);
  await elsewhere.page.getByRole("link", { name: "Sign in" }).click();
  await elsewhere.page.waitForURL("/signin");
  await elsewhere.leave();

  await page.goto(url);
  await isOnAccount(page);
  await leave(/ERR_FAILED/);
});

test("an answer that comes twice, a reload and the back button lead to the destination", async () => {
  const { page, leave, email } = await enter("jo");
  const url = await arriveOffline(page, "jo");
  const other = await page.context().newPage();
  await Promise.all([page.goto(url), other.goto(url)]);
  for (const tab of [page, other]) await isOnAccount(tab);
  assert.equal(await sessions(postern, email), 1);

  await other.close();
  await page.goto(url);
  await isOnAccount(page);
  await page.goBack();
  await isOnAccount(page);
  assert.equal(await sessions(postern, email), 1);

  await signOut(page);
  await page.goto(url);
  await page.getByText("This sign-in was already used.").waitFor();
  await page.reload();
  await page.getByText("This sign-in was already used.").waitFor();
  await leave(/ERR_FAILED/);
});

test("a page that is reloaded while the service works goes on", async () => {
  const { page, leave, email } = await enter("kit");
  const arrived = Promise.withResolvers();
  let calls = 0;
  // The route stays: taking it away would let its waiting request go on, and the page would leave during the reload.
  await page.route("**/api/auth/login/acme/callback", async (route) => {
    calls += 1;
    if (calls > 1) return route.continue();
    // The service has answered, and the page will not learn it.
    await route.fetch();
    arrived.resolve();
  });
  await enterWithAcme(page, "kit");
  await arrived.promise;
  await page.reload();
  await isOnAccount(page);
  assert.equal(await sessions(postern, email), 1);
  await leave();
});

test("a sign-in whose answer was lost does not go on in the session of another user", async () => {
  const { page, leave } = await enter("omar");
  await signUp(postern, "nora@example.com");
  await page.goto("/signin");
  await page.getByLabel("Email").fill("nora@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await isOnAccount(page);
  // The service has answered, but neither the page nor the browser gets the answer.
  await page.route("**/api/auth/login/acme/callback", async (route) => {
    const request = route.request();
    const answer = await postern.fetch(new URL(request.url()).pathname, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: request.postData(),
    });
    assert.equal(answer.status, 200);
    await route.abort();
  });
  await enterWithAcme(page, "omar");
  await expectMessage(page, "The service cannot be reached.");
  await page.unroute("**/api/auth/login/acme/callback");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("This sign-in was already used.").waitFor();
  await leave(/ERR_FAILED|401/);
});

test("without a connection, the page says so, and the same code works later", async () => {
  const { page, leave } = await enter("lea");
  await page.goto("/signin");
  const button = page.getByRole("button", { name: "Continue with Acme" });
  await button.waitFor();
  await page.context().setOffline(true);
  await button.click();
  await expectMessage(page, "The service cannot be reached.");
  await page.context().setOffline(false);

  await page.route("**/api/auth/login/acme/callback", (route) => route.abort());
  await leaveForAcme(page);
  await agree(page, "lea");
  await expectMessage(page, "The service cannot be reached.");
  await page.unroute("**/api/auth/login/acme/callback");
  await page.getByRole("button", { name: "Try again" }).click();
  await isOnAccount(page);
  await leave(/ERR_INTERNET_DISCONNECTED|ERR_FAILED/);
});

test("links to the callback page that someone made do nothing", async () => {
  const { page, leave } = await enter("moe");
  await page.goto("/signin");
  await leaveForAcme(page);
  const state = new URL(page.url()).searchParams.get("state") ?? (await knownState(page));
  const nonsense = {
    "": "There is no sign-in to complete.",
    "#garbage": "There is no sign-in to complete.",
    "#error=access_denied": "You canceled. You are not signed in.",
    "#provider=acme&code=stolen": "There is no sign-in to complete.",
    "#provider=acme&state=unknown&code=stolen": "This sign-in was started in another browser or window",
    [`#provider=other&state=${state}&code=stolen`]: "This sign-in was started in another browser or window",
    [`#provider=acme&state=${state}&code=stolen`]: "The sign-in with this provider was not completed.",
    [`#provider=acme&state=${state}&error=server_error`]: "Acme reported a problem.",
    [`#provider=acme&state=${state}&error=%3Cscript%3E`]: "Acme reported a problem.",
    [`#provider=acme&state=${state}`]: "Acme reported a problem.",
  };
  for (const [fragment, text] of Object.entries(nonsense)) {
    await page.goto("/signin");
    await page.goto(`/callback${fragment}`);
    await page.getByText(text).waitFor();
    assert.equal(page.url(), `${postern.url}/callback`);
  }
  assert.equal(
    await page
      .context()
      .cookies(postern.url)
      .then(({ length }) => length),
    0,
  );
  await leave();
});

/** Returns the state of the sign-in that the browser has just started. */
async function knownState(page) {
  await page.goto("/signin");
  return await page.evaluate(() => JSON.parse(localStorage.getItem("provider-sign-ins") ?? "[]")[0].id);
}

test("a second factor is asked for on the same page, also after a reload", async () => {
  const { page, leave, email } = await enter("nia");
  await enterWithAcme(page, "nia");
  await isOnAccount(page);
  const secret = await setUpTotp(page, email);
  await signOut(page);
  await page.goto("/signin?next=/admin");
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  assert.equal(page.url(), `${postern.url}/callback`);
  await page.reload();
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  await page.getByLabel("Code").fill("000000");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expectMessage(page, "The code is wrong or has expired.");
  await page.getByLabel("Code").fill(totp(secret));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/admin");
  await leave();
});

/** Sets up an authenticator app on the account page. Returns its secret. */
async function setUpTotp(page, email) {
  await openView(page, "security");
  const factor = section(page, "Second factor");
  await factor.getByRole("button", { name: "Set up" }).click();
  const shown = await factor.getByText(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/).textContent();
  const secret = shown.replaceAll(" ", "");
  await factor.getByRole("textbox", { name: "Code" }).fill(totp(secret));
  await factor.getByRole("button", { name: "Turn on", exact: true }).click();
  await factor.getByRole("button", { name: "I have saved the codes" }).click();
  await forgetLastCode(postern, email);
  return secret;
}

test("an account whose email nobody had proven is taken over, and its password ends", async () => {
  const { page, leave, email } = await enter("ola");
  // Someone else has signed up with the email and waits for its owner.
  await signUp(postern, email);
  ok(await login(postern, email));
  await enterWithAcme(page, "ola");
  await isOnAccount(page);
  await profile(page).getByText("Verified", { exact: true }).waitFor();
  refused(await login(postern, email, PASSWORD), 401, "wrong_credentials");
  assert.equal(await sessions(postern, email), 1);
  await leave();
});

test("an unverified email of an existing account signs in to nothing until its owner links the provider", async () => {
  const { page, leave, email } = await enter("pam", { email_verified: false });
  await signUp(postern, email);
  await postern.sql("UPDATE users SET is_verified = 1 WHERE email = ?", email);
  await enterWithAcme(page, "pam");
  await expectMessage(page, "There is already an account with this email.");
  await page.getByText("You can use your password, a passkey, or a code by email.").waitFor();
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await isOnAccount(page);

  await openView(page, "security");
  const accounts = section(page, "Linked accounts");
  await accounts.getByRole("button", { name: "Link Acme" }).click();
  await expectMessage(accounts, "Acme linked.");
  assert.equal(page.url(), `${postern.url}/account#security`);
  await signOut(page);
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await isOnAccount(page);
  await openView(page, "profile");
  await profile(page).getByText(email).waitFor();
  await leave();
});

test("a sign-in leads only to pages of this service", async () => {
  const { page, leave } = await enter("rex");
  await enterWithAcme(page, "rex");
  await isOnAccount(page);
  const evil = [
    "https://evil.example/",
    "//evil.example",
    "/\t/evil.example",
    "/admin.evil.example",
    "javascript:alert(1)",
    `${postern.url}@evil.example/`,
    `${postern.url}.evil.example/`,
    "/callback",
  ];
  for (const next of evil) {
    await signOut(page);
    await page.goto(`/signin?next=${encodeURIComponent(next)}`);
    await page.getByRole("button", { name: "Continue with Acme" }).click();
    await isOnAccount(page);
  }
  await signOut(page);
  await page.goto("/signin?next=/admin%23events");
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await page.waitForURL("/admin#events");
  await leave();
});

test("a sign-in leads back to an app whose origin is in the settings", async () => {
  const app = `${acme.issuer}/.well-known/openid-configuration?from=postern`;
  await postern.restart({ settings: { APP_ORIGINS: acme.issuer } });
  try {
    const { page, leave } = await enter("sam");
    await enterWithAcme(page, "sam", `/signin?next=${encodeURIComponent(app)}`);
    await page.waitForURL(app);
    await leave();
  } finally {
    await postern.restart({ settings: { APP_ORIGINS: undefined } });
  }
});

test("a double click starts one sign-in", async () => {
  const { page, leave } = await enter("sol");
  const started = [];
  page.on("request", (request) => request.url().endsWith("/login/acme") && started.push(request.url()));
  await page.goto("/signin");
  await page.getByRole("button", { name: "Continue with Acme" }).dblclick();
  await page.waitForURL(/^http:\/\/127\.0\.0\.1/);
  assert.equal(started.length, 1);
  await leave();
});

test("a page that was asked for a provider shows it first, and starts nothing by itself", async () => {
  const { page, leave } = await enter("tia");
  const started = [];
  page.on("request", (request) => request.url().includes("/login/") && started.push(request.url()));
  await page.goto("/signin?provider=acme");
  const button = page.getByRole("button", { name: "Continue with Acme" });
  await button.and(page.locator(":focus")).waitFor();
  assert.equal(await button.count(), 1);
  const [above, below] = await Promise.all([button.boundingBox(), page.getByLabel("Email").boundingBox()]);
  assert.ok(above.y < below.y);
  assert.deepEqual(
    started.filter((url) => url.endsWith("/login/acme")),
    [],
  );
  await page.keyboard.press("Enter");
  await page.waitForURL(/^http:\/\/127\.0\.0\.1/);

  await page.goto("/signin?provider=unknown");
  await page.getByLabel("Email").and(page.locator(":focus")).waitFor();
  await leave();
});

test("a browser that blocks storage gets an explanation", async () => {
  const { page, leave } = await enter("uma");
  await page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException("blocked", "SecurityError");
    };
  });
  await page.goto("/signin");
  await page.getByRole("button", { name: "Continue with Acme" }).click();
  await expectMessage(page, "Your browser does not let this site store data");
  assert.equal(page.url(), `${postern.url}/signin`);
  await leave();
});

test("without a provider in the settings, there is no button", async () => {
  const plain = await startPostern();
  try {
    const { page, leave } = await enter("vic", {}, plain);
    for (const path of ["/signin", "/signup"]) {
      await page.goto(path);
      await page.getByRole("button", { name: "Sign" }).first().waitFor();
      assert.equal(await page.getByRole("button", { name: /Continue with/ }).count(), 0);
    }
    await leave();
  } finally {
    await plain.stop();
  }
});
