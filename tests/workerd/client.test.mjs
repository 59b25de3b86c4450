// The client and the session verifier for other Workers, built as published, against a running Postern.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { generateKeyPair, SignJWT } from "jose";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { runSilently } from "../../scripts/lib/run.mjs";
import { Authenticator } from "./support/authenticator.mjs";
import {
  adminToken,
  login,
  mail,
  mails,
  ok as ok200,
  PASSWORD,
  resetToken,
  send,
  signUp,
  until,
  userToken,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";
import { totp } from "./support/totp.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const ORIGIN = "https://app.example.com";

let postern;
let example;
/** @type {typeof import("postern-client").createClient} */
let createClient;
/** @type {typeof import("postern-client").ok} */
let ok;
/** @type {typeof import("postern-client").PosternError} */
let PosternError;
/** @type {typeof import("postern-client/sign-in")} */
let signIn;
/** @type {typeof import("postern-client/verify").verify} */
let verify;
/** @type {typeof import("postern-client/verify").Unverified} */
let Unverified;
before(async () => {
  npm("run", "build", "--workspace", "postern-client");
  ({ createClient, ok, PosternError } = await import("postern-client"));
  signIn = await import("postern-client/sign-in");
  ({ verify, Unverified } = await import("postern-client/verify"));
  postern = await startPostern();
  example = await startExample({ POSTERN_URL: postern.url });
});
after(async () => {
  await example?.dispose();
  await postern?.stop();
});

function npm(...args) {
  const { status, stdout, stderr } = runSilently("npm", args);
  assert.equal(status, 0, stdout + stderr);
}

/** Runs the Worker of examples/worker on workerd. */
async function startExample(bindings) {
  const bundle = await build({
    entryPoints: [`${root}/examples/worker/src/index.ts`],
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    write: false,
  });
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: bundle.outputFiles[0].text,
      compatibilityDate: "2026-11-17",
      bindings,
      cf: false,
    }),
  );
  await worker.ready;
  return worker;
}

async function ask(path, token, worker = example) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await worker.dispatchFetch(`http://example.com${path}`, { headers });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

function refusedBy(answer, status, code) {
  assert.deepEqual([answer.status, answer.body.code, answer.body.detail], [status, code, null], JSON.stringify(answer));
  assert.equal(answer.headers.has("www-authenticate"), status === 401);
  assert.equal(answer.headers.has("retry-after"), status === 503);
}

/** Returns the token with a different payload and the original signature. */
function forged(token, change) {
  const [header, payload, signature] = token.split(".");
  const claims = { ...JSON.parse(Buffer.from(payload, "base64url").toString()), ...change };
  return [header, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
}

test("the client's types match the OpenAPI description", () => {
  npm("run", "--silent", "types", "--workspace", "postern-client", "--", "--check");
});

test("another Worker accepts a valid session", async () => {
  const { token, user } = await signUp(postern, "worker@example.com");
  const answer = await ask("/greeting", token);
  assert.deepEqual([answer.status, answer.body.greeting], [200, `Hello, user ${user.id}.`]);
  assert.equal((await ask("/transfer", token)).body.transferred, "on behalf of worker@example.com");
});

test("another Worker rejects missing and forged tokens and tokens of other kinds", async () => {
  const { token, user } = await signUp(postern, "forged@example.com");
  const { privateKey } = await generateKeyPair("Ed25519");
  const [header, payload] = token.split(".").map((part) => Buffer.from(part, "base64url").toString());
  const ownKey = await new SignJWT(JSON.parse(payload)).setProtectedHeader(JSON.parse(header)).sign(privateKey);
  const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${token.split(".")[1]}.`;
  const others = {
    nothing: undefined,
    "another payload": forged(token, { scopes: ["admin", 2] }),
    "another key": ownKey,
    "no algorithm": none,
    "no token": "nonsense",
    "a reset token": await resetToken(postern, user.email),
    "a user token": await userToken(postern, token),
  };
  for (const [what, other] of Object.entries(others)) {
    for (const path of ["/greeting", "/transfer"]) {
      const answer = await ask(path, other);
      assert.equal(answer.status, 401, what);
      refusedBy(answer, 401, "invalid_token");
    }
  }
});

test("with a check at Postern, ended sessions and deactivated users are rejected", async () => {
  const ended = await signUp(postern, "ended@example.com");
  await send(postern, "POST", "/api/auth/logout", { token: ended.token });
  refusedBy(await ask("/transfer", ended.token), 401, "invalid_token");
  assert.equal((await ask("/greeting", ended.token)).status, 200);

  const inactive = await signUp(postern, "inactive@example.com");
  await postern.sql("UPDATE users SET is_active = 0 WHERE id = ?", inactive.user.id);
  refusedBy(await ask("/transfer", inactive.token), 403, "inactive");
});

test("another Worker rejects an admin with the default password until it is changed", async () => {
  const restricted = await startPostern({ settings: { DEFAULT_ADMIN: "restricted" } });
  try {
    const token = await adminToken(restricted);
    const authorization = (token) => ({ headers: { authorization: `Bearer ${token}` } });
    const tell = (token, online) =>
      verify(new Request("http://example.com", authorization(token)), { url: restricted.url, online });
    for (const online of [false, true])
      await assert.rejects(tell(token, online), { status: 401, code: "invalid_token" });

    const client = createClient({ url: restricted.url });
    client.tokens.set(token);
    await ok(client.PUT("/api/auth/me/password", { body: { old_password: "admin", new_password: PASSWORD } }));
    await ok(client.GET("/api/auth/me"));
    for (const online of [false, true]) assert.equal((await tell(client.tokens.get(), online)).role, "admin");
  } finally {
    await restricted.stop();
  }
});

test("an outage of Postern signs no user out", async () => {
  const token = await adminToken(postern);
  const alone = await startExample({ POSTERN_URL: "http://localhost:1" });
  try {
    refusedBy(await ask("/greeting", token, alone), 503, "unavailable");
    const options = { url: "http://localhost:1", issuer: postern.url, online: true, jwks: () => assert.fail() };
    await assert.rejects(verify(new Request("http://example.com"), options), { status: 401 });
  } finally {
    await alone.dispose();
  }
});

/** Returns a function that signs session tokens with a new key, and one that verifies them. */
async function ownTokens() {
  const { publicKey, privateKey } = await generateKeyPair("Ed25519");
  const claims = { sub: "1", sid: "2", scopes: ["user", 0], purpose: "session", iss: ORIGIN, aud: ORIGIN };
  const sign = (changed, expires = "1h") => {
    const token = new SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg: "EdDSA", typ: "JWT" });
    return token.setIssuedAt().setExpirationTime(expires).sign(privateKey);
  };
  const tell = async (token, options) => {
    const request = new Request("http://example.com", { headers: { authorization: `Bearer ${token}` } });
    return verify(request, { url: ORIGIN, jwks: async () => publicKey, ...options });
  };
  return { sign, tell };
}

test("expired tokens, tokens of other services and tokens without claims are rejected", async () => {
  const { sign, tell } = await ownTokens();
  const { userId, role, tier, sessionId } = await tell(await sign({}));
  assert.deepEqual({ userId, role, tier, sessionId }, { userId: "1", role: "user", tier: 0, sessionId: "2" });
  const others = [
    await sign({}, "-1s"),
    await sign({ iss: "https://other.example.com" }),
    await sign({ aud: "https://other.example.com" }),
    await sign({ purpose: "password_reset" }),
    await sign({ sid: undefined }),
  ];
  for (const token of others)
    await assert.rejects(tell(token), (error) => error instanceof Unverified && error.status === 401);
});

test("a service can require a second factor or a recent sign-in", async () => {
  const { sign, tell } = await ownTokens();
  const now = Math.floor(Date.now() / 1_000);
  const strong = await sign({ acr: "2", amr: ["pwd", "otp", "mfa"], auth_time: now - 600 });
  const { level, methods, authenticatedAt } = await tell(strong, { minLevel: 2, maxAge: 900 });
  assert.deepEqual([level, methods, authenticatedAt], [2, ["pwd", "otp", "mfa"], (now - 600) * 1_000]);

  const weak = await sign({ acr: "1", amr: ["pwd"], auth_time: now });
  // Of a Postern without second factors.
  const old = await sign({});
  assert.deepEqual([(await tell(weak)).level, (await tell(old)).level], [1, 1]);
  assert.equal((await tell(old)).authenticatedAt, undefined);
  for (const [token, options, required] of [
    [weak, { minLevel: 2 }, 'acr_values="2"'],
    [strong, { maxAge: 500 }, 'max_age="500"'],
    [old, { minLevel: 2, maxAge: 900 }, 'acr_values="2", max_age="900"'],
    [old, { maxAge: 0 }, 'max_age="0"'],
  ]) {
    const error = await tell(token, options).catch((error) => error);
    assert.ok(error instanceof Unverified);
    const response = error.toResponse();
    assert.deepEqual([response.status, (await response.json()).code], [401, "insufficient_user_authentication"]);
    const challenge = `Bearer error="insufficient_user_authentication", ${required}`;
    assert.equal(response.headers.get("www-authenticate"), challenge);
  }
});

test("a token of Postern says how and when the user signed in", async () => {
  const { token, user } = await signUp(postern, "methods@example.com");
  const request = new Request("http://example.com", { headers: { authorization: `Bearer ${token}` } });
  const { level, methods, authenticatedAt } = await verify(request, { url: postern.url, maxAge: 60 });
  assert.deepEqual([level, methods], [1, ["pwd"]]);
  assert.ok(Math.abs(authenticatedAt - user.created_at) < 10_000);
});

test("the client signs in and drops a token that Postern rejects", async () => {
  const { user } = await signUp(postern, "client@example.com");
  const client = createClient({ url: postern.url });
  const { token } = await ok(client.POST("/api/auth/login", { body: { email: user.email, password: PASSWORD } }));
  assert.equal(client.tokens.get(), token);
  assert.equal((await ok(client.GET("/api/auth/me"))).email, user.email);

  await client.POST("/api/auth/logout");
  const { error, response } = await client.GET("/api/auth/me");
  assert.deepEqual([response.status, error.code, client.tokens.get()], [401, "invalid_token", null]);
});

test("the client adopts a refreshed token unless the old one was replaced meanwhile", async () => {
  const { token, user } = await signUp(postern, "fresh@example.com");
  const fresh = ok200(await login(postern, user.email)).token;
  let meanwhile = () => {};
  const client = createClient({
    url: postern.url,
    // Postern refreshes a token after half of its lifetime, which is too long for a test.
    fetch: async (request) => {
      const response = await fetch(request);
      meanwhile();
      return new Response(response.body, {
        status: response.status,
        headers: { ...Object.fromEntries(response.headers), "x-refresh-token": fresh },
      });
    },
  });
  client.tokens.set(token);
  await ok(client.GET("/api/auth/me"));
  assert.equal(client.tokens.get(), fresh);

  meanwhile = () => client.tokens.set("of somebody who has signed in meanwhile");
  await ok(client.GET("/api/auth/me"));
  assert.equal(client.tokens.get(), "of somebody who has signed in meanwhile");
});

test("a failed login throws an error with its code and keeps the current session", async () => {
  const { token, user } = await signUp(postern, "mistyped@example.com");
  const client = createClient({ url: postern.url });
  client.tokens.set(token);
  const attempt = ok(client.POST("/api/auth/login", { body: { email: user.email, password: "wrong" } }));
  await assert.rejects(
    attempt,
    (error) => error instanceof PosternError && error.code === "wrong_credentials" && error.status === 401,
  );
  assert.equal(client.tokens.get(), token);

  const faulty = ok(client.PUT("/api/auth/me/name", { body: { name: " " } }));
  await assert.rejects(faulty, ({ code, detail }) => code === "invalid_fields" && detail[0].loc[1] === "name");
});

test("a change based on an old version throws an error with the current one", async () => {
  const { user } = await signUp(postern, "changed@example.com");
  const client = createClient({ url: postern.url });
  await ok(client.POST("/api/auth/login", { body: { email: "admin", password: "admin" } }));
  const params = { path: { id: user.id } };
  const change = (tier, updated_at) =>
    ok(client.PUT("/api/auth/admin/users/{id}", { params, body: { tier, updated_at } }));
  const present = await change(1, user.updated_at);
  assert.ok(present.updated_at > user.updated_at);
  await assert.rejects(change(2, user.updated_at), (error) => {
    assert.ok(error instanceof PosternError);
    assert.deepEqual([error.status, error.code, error.current], [412, "precondition_failed", present]);
    return true;
  });
});

/**
 * Makes this process a page in a browser whose user chooses the passkey of this authenticator. Returns the passkeys that the browser was
 * told to forget.
 *
 * @param {Authenticator | undefined} authenticator Without one, the browser has no passkeys.
 * @param {(options: CredentialRequestOptions) => Promise<void>} [untilChosen]
 */
function inBrowser(t, authenticator, untilChosen = async () => {}) {
  const forgotten = [];
  const globals = {
    PublicKeyCredential: authenticator && {
      parseRequestOptionsFromJSON: (options) => options,
      parseCreationOptionsFromJSON: (options) => options,
      isConditionalMediationAvailable: async () => true,
      signalUnknownCredential: async (unknown) => void forgotten.push(unknown),
    },
    navigator: {
      credentials: {
        create: async ({ publicKey }) => ({ toJSON: () => authenticator.create(publicKey) }),
        async get(options) {
          await untilChosen(options);
          return { toJSON: () => authenticator.get(options.publicKey) };
        },
      },
    },
  };
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
  return forgotten;
}

/** Signs up a user, and adds a passkey to the account. */
async function withPasskey(t, email) {
  const { user, token } = await signUp(postern, email);
  const authenticator = new Authenticator({ origin: postern.url });
  const client = createClient({ url: postern.url });
  client.tokens.set(token);
  const forgotten = inBrowser(t, authenticator);
  const passkey = await signIn.addPasskey(client, { name: "Phone" });
  return { user, client, authenticator, passkey, forgotten };
}

function levelOf(token) {
  const request = new Request("http://example.com", { headers: { authorization: `Bearer ${token}` } });
  return verify(request, { url: postern.url }).then(({ level, methods }) => [level, methods]);
}

test("a page adds a passkey and signs in with it", async (t) => {
  const { user, passkey } = await withPasskey(t, "passkey@example.com");
  assert.deepEqual([passkey.name, passkey.last_used_at], ["Phone", null]);
  const client = createClient({ url: postern.url });
  assert.equal((await signIn.signInWithPasskey(client)).id, user.id);
  assert.deepEqual(await levelOf(client.tokens.get()), [2, ["pop", "user", "mfa"]]);
  assert.equal((await ok(client.GET("/api/auth/me"))).id, user.id);
});

test("the browser forgets a passkey that Postern does not know, and the session stays", async (t) => {
  const { client, passkey, forgotten } = await withPasskey(t, "forgotten@example.com");
  const token = client.tokens.get();
  const params = { path: { id: passkey.id } };
  await ok(client.DELETE("/api/auth/me/passkeys/{id}", { params }));
  await assert.rejects(signIn.signInWithPasskey(client), { name: "PosternError", code: "unknown_passkey" });
  assert.deepEqual(forgotten, [{ rpId: new URL(postern.url).hostname, credentialId: passkey.credential_id }]);
  assert.equal(client.tokens.get(), token);
});

test("the autofill waits for the user with a new challenge whenever the previous one expires", async (t) => {
  const { user, authenticator } = await withPasskey(t, "autofill@example.com");
  const challenges = [];
  inBrowser(t, authenticator, async ({ publicKey, mediation, signal }) => {
    assert.equal(mediation, "conditional");
    challenges.push(publicKey.challenge);
    if (challenges.length > 2) return;
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const client = createClient({
    url: postern.url,
    fetch: async (request) => {
      const response = await fetch(request);
      if (!request.url.endsWith("/options")) return response;
      const options = await response.json();
      return Response.json({ ...options, publicKey: { ...options.publicKey, timeout: 1 } });
    },
  });
  assert.equal((await signIn.signInWithPasskey(client, { autofill: true })).id, user.id);
  assert.equal(new Set(challenges).size, 3);
});

test("the page can end the autofill, and learns that a browser has no passkeys", async (t) => {
  const controller = new AbortController();
  inBrowser(t, new Authenticator({ origin: postern.url }), async ({ signal }) => {
    controller.abort();
    signal.throwIfAborted();
  });
  const client = createClient({ url: postern.url });
  const options = { autofill: true, signal: controller.signal };
  await assert.rejects(signIn.signInWithPasskey(client, options), { name: "AbortError" });
  assert.equal(signIn.supportsPasskeys(), true);

  inBrowser(t, undefined);
  assert.equal(signIn.supportsPasskeys(), false);
  for (const autofill of [false, true])
    await assert.rejects(signIn.signInWithPasskey(client, { autofill }), { name: "NotSupportedError" });
});

test("a user confirms who they are, and the stored token says so", async (t) => {
  const { user, client } = await withPasskey(t, "confirm@example.com");
  const recent = () => {
    const request = new Request("http://example.com", {
      headers: { authorization: `Bearer ${client.tokens.get()}` },
    });
    return verify(request, { url: postern.url, maxAge: 900 });
  };
  /** @type {import("postern-client/sign-in").Proof[]} */
  const proofs = [{ password: PASSWORD }, { passkey: true }];
  for (const proof of proofs) {
    await postern.sql("UPDATE sessions SET authenticated_at = 1 WHERE user_id = ?", user.id);
    await ok(client.GET("/api/auth/me"));
    await assert.rejects(recent(), { code: "insufficient_user_authentication" });
    await assert.rejects(signIn.addPasskey(client), (error) => {
      assert.ok(error instanceof PosternError);
      assert.deepEqual([error.status, error.code, error.detail], [403, "reauthentication_required", []]);
      assert.deepEqual(error.reauthentication, { methods: ["password", "passkey"], max_age: 900 });
      return true;
    });
    assert.equal((await signIn.reauthenticate(client, proof)).id, user.id);
    assert.equal((await recent()).userId, user.id);
  }
  await assert.rejects(signIn.reauthenticate(client, { password: "wrong" }), { code: "wrong_proof" });
  assert.equal((await recent()).level, 2);
});

test("a sign-in with a second factor takes two steps", async () => {
  const { user, token } = await signUp(postern, "steps@example.com");
  const client = createClient({ url: postern.url });
  client.tokens.set(token);
  const { secret } = await ok(client.POST("/api/auth/me/totp"));
  const { recovery_codes } = await ok(client.PUT("/api/auth/me/totp", { body: { code: totp(secret, -1) } }));
  const { token: older } = await signUp(postern, "older@example.com");
  client.tokens.set(older);

  const begin = async () => {
    const result = await signIn.signIn(client, { email: user.email, password: PASSWORD });
    if (result.status !== "second_factor_required") throw new Error(result.status);
    return result;
  };
  const first = await begin();
  assert.deepEqual(first.methods, ["totp", "recovery_code"]);
  await assert.rejects(first.finish({ code: totp(secret, 5) }), { name: "PosternError", code: "wrong_code" });
  assert.equal(client.tokens.get(), older);
  assert.equal((await first.finish({ code: totp(secret) })).id, user.id);
  assert.deepEqual(await levelOf(client.tokens.get()), [2, ["pwd", "otp", "mfa"]]);

  const second = await begin();
  assert.equal((await second.finish({ recoveryCode: recovery_codes[0] })).id, user.id);
  await assert.rejects(second.finish({ recoveryCode: recovery_codes[1] }), { code: "wrong_code" });
  assert.equal((await ok(client.GET("/api/auth/me"))).id, user.id);
});

test("a passkey completes a sign-in as the second step", async (t) => {
  const { user, client, authenticator } = await withPasskey(t, "second-step@example.com");
  await signIn.reauthenticate(client, { passkey: true });
  await ok(client.PUT("/api/auth/me/second-factor"));
  const result = await signIn.signIn(client, { email: user.email, password: PASSWORD });
  if (result.status !== "second_factor_required") throw new Error(result.status);
  assert.deepEqual(result.methods, ["passkey", "recovery_code"]);
  inBrowser(t, new Authenticator({ origin: postern.url }));
  await assert.rejects(result.finish({ passkey: true }), { code: "wrong_code" });
  inBrowser(t, authenticator);
  assert.equal((await result.finish({ passkey: true })).id, user.id);
  assert.deepEqual(await levelOf(client.tokens.get()), [2, ["pwd", "pop", "user", "mfa"]]);
});

test("a sign-in without a second factor takes one step", async () => {
  const { user } = await signUp(postern, "one-step@example.com");
  const client = createClient({ url: postern.url });
  const result = await signIn.signIn(client, { email: user.email, password: PASSWORD });
  if (result.status !== "signed_in") throw new Error(result.status);
  assert.equal(result.user.id, user.id);
  const wrong = signIn.signIn(client, { email: user.email, password: "wrong" });
  await assert.rejects(wrong, { name: "PosternError", code: "wrong_credentials" });
});

/** Returns the code and the secret in the newest mail to an address, of which there are `count`. */
async function codeIn(to, count) {
  const [{ text }] = await until(async () => {
    const arrived = await mails(postern, to);
    return arrived.length === count && arrived;
  });
  const link = new URL(text.match(/https?:\/\/\S+#\S+/)[0]);
  const { id, secret } = Object.fromEntries(new URLSearchParams(link.hash.slice(1)));
  return { id, secret, code: text.match(/\b\d{6}\b/)[0] };
}

test("a code by email signs in, and so does its link", async () => {
  const { user } = await signUp(postern, "by-email@example.com");
  await postern.sql("UPDATE users SET is_verified = 1 WHERE id = ?", user.id);
  const client = createClient({ url: postern.url });
  const first = await signIn.signInWithEmail(client, { email: user.email });
  assert.equal(client.tokens.get(), null);
  const mailed = await codeIn(user.email, 1);
  assert.deepEqual([first.purpose, first.id], ["sign_in", mailed.id]);
  assert.ok(first.expiresAt > Date.now());
  const wrong = mailed.code === "000000" ? "000001" : "000000";
  await assert.rejects(signIn.verifyEmailCode(client, first, { code: wrong }), { code: "wrong_code" });
  // It is plain data.
  const kept = JSON.parse(JSON.stringify(first));
  const result = await signIn.verifyEmailCode(client, kept, { code: mailed.code });
  assert.deepEqual([result.status, "user" in result && result.user.id], ["signed_in", user.id]);
  assert.deepEqual(await levelOf(client.tokens.get()), [1, ["otp"]]);
  await assert.rejects(signIn.verifyEmailCode(client, kept, { code: mailed.code }), { code: "wrong_code" });

  const second = await signIn.signInWithEmail(client, { email: user.email });
  const { secret } = await codeIn(user.email, 2);
  assert.equal((await signIn.verifyEmailCode(client, second, { secret })).status, "signed_in");
  assert.equal((await ok(client.GET("/api/auth/me"))).id, user.id);
});

test("a code by email confirms who the user is", async () => {
  const { user, token } = await signUp(postern, "confirm-by-email@example.com");
  await postern.sql("UPDATE users SET is_verified = 1 WHERE id = ?", user.id);
  const client = createClient({ url: postern.url });
  client.tokens.set(token);
  await postern.sql("UPDATE sessions SET authenticated_at = 1 WHERE user_id = ?", user.id);
  const { token: asked } = await ok(client.POST("/api/auth/reauthenticate/email"));
  const { text } = await mail(postern, user.email, /confirmation code/);
  const emailCode = text.match(/\b\d{6}\b/)[0];
  assert.equal((await signIn.reauthenticate(client, { emailCode, token: asked })).id, user.id);
  await ok(client.POST("/api/auth/me/totp"));
});

test("a second factor follows a code by email", async () => {
  const { user, token } = await signUp(postern, "factor-by-email@example.com");
  const client = createClient({ url: postern.url });
  client.tokens.set(token);
  const { secret } = await ok(client.POST("/api/auth/me/totp"));
  await ok(client.PUT("/api/auth/me/totp", { body: { code: totp(secret, -1) } }));
  await postern.sql("UPDATE users SET is_verified = 1 WHERE id = ?", user.id);
  const before = (await mails(postern, user.email)).length;
  const asked = await signIn.signInWithEmail(client, { email: user.email });
  const { code } = await codeIn(user.email, before + 1);
  const result = await signIn.verifyEmailCode(client, asked, { code });
  if (result.status !== "second_factor_required") throw new Error(result.status);
  assert.deepEqual(result.methods, ["totp", "recovery_code"]);
  assert.equal((await result.finish({ code: totp(secret) })).id, user.id);
});

test("a sign-up starts a session with an invitation, and sends a code without one", async () => {
  const client = createClient({ url: postern.url });
  const referrer = await userToken(postern, await adminToken(postern));
  const invited = await signIn.signUp(client, { referrer, email: "invited@example.com", password: PASSWORD });
  if (invited.status !== "signed_in") throw new Error(invited.status);
  assert.equal((await ok(client.GET("/api/auth/me"))).id, invited.user.id);
  const uninvited = signIn.signUp(client, { email: "uninvited@example.com", password: PASSWORD });
  await assert.rejects(uninvited, { code: "invalid_fields" });

  for (const [mode, status] of [
    ["open", "signed_in"],
    ["approval", "waiting_for_approval"],
  ]) {
    const other = await startPostern({ settings: { SIGN_UP: mode } });
    try {
      const client = createClient({ url: other.url });
      const sent = await signIn.signUp(client, { email: "new@example.com", name: "Grace" });
      if (sent.status !== "code_sent") throw new Error(sent.status);
      assert.equal(client.tokens.get(), null);
      const { text } = await mail(other, "new@example.com", /sign-up code/);
      const result = await signIn.verifyEmailCode(client, sent.emailCode, { code: text.match(/\b\d{6}\b/)[0] });
      assert.equal(result.status, status);
      assert.equal(client.tokens.get() !== null, status === "signed_in");
    } finally {
      await other.stop();
    }
  }
});
