// Identity providers whose ID tokens cannot be trusted, and codes that are used at the same time, over real HTTP and with the
// runtime's own WebCrypto.

import assert from "node:assert/strict";
import { createHmac, createPublicKey, createSign, generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { Events, OAuth2Server } from "oauth2-mock-server";
import { atOnce, ok, refused, send, tally } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const clientId = "postern";

let provider;
let postern;
/** Answers the Worker instead of the provider, if it is set. */
let instead;

before(async () => {
  provider = new OAuth2Server();
  await provider.issuer.keys.generate("RS256");
  await provider.start(0, "127.0.0.1");
  // Of both tokens, the ID token is signed last.
  provider.service.on(Events.BeforeTokenSigning, ({ payload }) => {
    Object.assign(payload, { email: "ada@example.com", email_verified: true });
  });
  postern = await startPostern({
    settings: {
      SIGN_UP: "open",
      IDENTITY_PROVIDERS: "acme",
      OIDC_ACME_ISSUER: provider.issuer.url,
      OIDC_ACME_CLIENT_ID: clientId,
      OIDC_ACME_VERIFIED_EMAILS: "trusted",
    },
    outbound: async (request) => {
      const answer = await instead?.(request);
      if (answer) return answer;
      const { url, method, headers } = request;
      const body = method === "GET" ? undefined : await request.text();
      const response = await fetch(url, { method, headers, body });
      // The provider refuses a wrong code without the error of RFC 6749, section 5.2.
      if (response.status === 400) return json({ error: "invalid_grant" }, 400);
      return new Response(await response.arrayBuffer(), { status: response.status, headers: response.headers });
    },
  });
});
after(() => Promise.all([postern?.stop(), provider?.stop()]));

/** Starts a sign-in and visits the provider. Returns the body of the request that completes it. */
async function visit() {
  const { url, token } = ok(await send(postern, "POST", "/api/auth/login/acme", { json: {} }));
  const { headers } = await fetch(url, { redirect: "manual" });
  const location = new URL(headers.get("location"));
  assert.equal(`${location.origin}${location.pathname}`, `${postern.url}/api/auth/callback/acme`);
  const { code, state } = Object.fromEntries(location.searchParams);
  return { token, code, state };
}

const complete = (json) => send(postern, "POST", "/api/auth/login/acme/callback", { json });

async function sessions() {
  const [{ count }] = await postern.sql("SELECT count(*) AS count FROM sessions");
  return count;
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decode = (part) => JSON.parse(Buffer.from(part, "base64url").toString());

/** Replaces the ID token of the next answer by what `forge` makes of it. */
function replaceToken(forge) {
  provider.service.once(Events.BeforeResponse, ({ body }) => {
    const [header, payload, signature] = body.id_token.split(".");
    body.id_token = forge({ header: decode(header), payload: decode(payload), signature });
  });
}

/** Changes what the provider signs. */
function changeClaims(change) {
  const listen = ({ header, payload }) => change(payload, header);
  provider.service.on(Events.BeforeTokenSigning, listen);
  provider.service.once(Events.BeforeResponse, () => provider.service.off(Events.BeforeTokenSigning, listen));
}

/** Signs with an RSA key in the format of JWS. */
function rs256(header, payload, key) {
  const text = `${encode({ ...header, alg: "RS256" })}.${encode(payload)}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
}

/** The public key of the provider as the PEM text that naive libraries use as an HMAC secret. */
async function publicPem() {
  const { keys } = await (await fetch(`${provider.issuer.url}/jwks`)).json();
  return createPublicKey({ key: keys[0], format: "jwk" }).export({ type: "spki", format: "pem" });
}

test("a token of the provider signs in", async () => {
  const { user } = ok(await complete(await visit()));
  assert.equal(user.email, "ada@example.com");
  assert.equal(user.is_verified, true);
});

test("a code that is sent fifty times at once starts one session", async () => {
  const callback = await visit();
  const before = await sessions();
  // A provider that accepts a code more than once, against RFC 6749, section 4.1.2.
  let granted;
  instead = async (request) => {
    if (!request.url.endsWith("/token")) return undefined;
    granted ??= fetch(request.url, { method: "POST", headers: request.headers, body: await request.text() }).then(
      (response) => response.text(),
    );
    return new Response(await granted, { headers: { "content-type": "application/json" } });
  };
  try {
    const answers = await atOnce(postern, 50, () => ["POST", "/api/auth/login/acme/callback", { json: callback }]);
    assert.deepEqual(tally(answers), { 200: 1, "401 provider_refused": 49 });
    assert.equal(await sessions(), before + 1);
    refused(await complete(callback), 401, "provider_refused");
    assert.equal(await sessions(), before + 1);
  } finally {
    instead = undefined;
  }
});

describe("a token that cannot be trusted opens nothing:", () => {
  const now = Math.floor(Date.now() / 1000);
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const forgeries = {
    "alg none": () =>
      replaceToken(({ header, payload }) => `${encode({ ...header, alg: "none" })}.${encode(payload)}.`),
    "alg None with the signature": () =>
      replaceToken(
        ({ header, payload, signature }) => `${encode({ ...header, alg: "None" })}.${encode(payload)}.${signature}`,
      ),
    "no signature": () => replaceToken(({ header, payload }) => `${encode(header)}.${encode(payload)}.`),
    "HS256 with the public key as the secret": async () => {
      const pem = await publicPem();
      replaceToken(({ header, payload }) => {
        const text = `${encode({ ...header, alg: "HS256" })}.${encode(payload)}`;
        return `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
      });
    },
    "HS256 with the client id as the secret": () =>
      replaceToken(({ header, payload }) => {
        const text = `${encode({ ...header, alg: "HS256" })}.${encode(payload)}`;
        return `${text}.${createHmac("sha256", clientId).update(text).digest("base64url")}`;
      }),
    "a changed claim": () =>
      replaceToken(
        ({ header, payload, signature }) => `${encode(header)}.${encode({ ...payload, sub: "other" })}.${signature}`,
      ),
    "the key of a stranger": () => replaceToken(({ header, payload }) => rs256(header, payload, stranger.privateKey)),
    "the key of a stranger in the header": () =>
      replaceToken(({ header, payload }) =>
        rs256({ ...header, jwk: stranger.publicKey.export({ format: "jwk" }) }, payload, stranger.privateKey),
      ),
    "the address of the keys of a stranger in the header": () =>
      replaceToken(({ header, payload }) =>
        rs256({ ...header, jku: "https://evil.example/keys", kid: "evil" }, payload, stranger.privateKey),
      ),
    "an unknown kid": () => changeClaims((_payload, header) => Object.assign(header, { kid: "unknown" })),
    "a crit header": () =>
      replaceToken(
        ({ header, payload, signature }) => `${encode({ ...header, crit: ["b64"] })}.${encode(payload)}.${signature}`,
      ),
    "another issuer": () => changeClaims((payload) => Object.assign(payload, { iss: "https://evil.example" })),
    "the issuer with a slash": () => changeClaims((payload) => Object.assign(payload, { iss: `${payload.iss}/` })),
    "no issuer": () => changeClaims((payload) => delete payload.iss),
    "another audience": () => changeClaims((payload) => Object.assign(payload, { aud: "another-client" })),
    "another audience in a list": () => changeClaims((payload) => Object.assign(payload, { aud: ["another-client"] })),
    "no audience": () => changeClaims((payload) => delete payload.aud),
    "our audience among others, for another party": () =>
      changeClaims((payload) => Object.assign(payload, { aud: [clientId, "another-client"], azp: "another-client" })),
    "another nonce": () => changeClaims((payload) => Object.assign(payload, { nonce: "another" })),
    "no nonce": () => changeClaims((payload) => delete payload.nonce),
    "an end in the past": () => changeClaims((payload) => Object.assign(payload, { exp: now - 600, iat: now - 900 })),
    "no end": () => changeClaims((payload) => delete payload.exp),
    "an end that is no number": () => changeClaims((payload) => Object.assign(payload, { exp: "never" })),
    "no subject": () => changeClaims((payload) => delete payload.sub),
    "an empty subject": () => changeClaims((payload) => Object.assign(payload, { sub: "" })),
    "a subject that is no text": () => changeClaims((payload) => Object.assign(payload, { sub: 7 })),
    "no token at all": () => replaceToken(() => undefined),
    garbage: () => replaceToken(() => "a.b"),
    "five parts": () => replaceToken(() => "a.b.c.d.e"),
  };
  for (const [name, forge] of Object.entries(forgeries)) {
    test(name, async () => {
      const callback = await visit();
      const before = await sessions();
      await forge();
      refused(await complete(callback), 401, "provider_refused");
      assert.equal(await sessions(), before);
      provider.service.removeAllListeners(Events.BeforeResponse);
    });
  }
});

describe("a code or token that does not belong together opens nothing:", () => {
  const mixes = {
    "the state of another visit": (own, other) => ({ ...own, state: other.state }),
    "the token of another visit": (own, other) => ({ ...own, token: other.token }),
    "the code of another visit": (own, other) => ({ ...own, code: other.code }),
    "another issuer in the answer": (own) => ({ ...own, iss: "https://evil.example" }),
    "a made-up token": (own) => ({ ...own, token: "made-up" }),
    "a made-up code": (own) => ({ ...own, code: "made-up" }),
  };
  for (const [name, mix] of Object.entries(mixes)) {
    test(name, async () => {
      const [own, other] = [await visit(), await visit()];
      const before = await sessions();
      refused(await complete(mix(own, other)), 401, "provider_refused");
      assert.equal(await sessions(), before);
    });
  }
});

test("a provider that fails, is too slow or says too much is a 503, and works again afterwards", async () => {
  const troubles = {
    "65 KB of keys": ({ url }) => url.endsWith("/jwks") && json({ keys: [], padding: "x".repeat(65 * 1024) }),
    "keys of the wrong type": ({ url }) => url.endsWith("/jwks") && json({ keys: "none" }),
    "65 KB of tokens": ({ url }) => url.endsWith("/token") && json({ id_token: "x".repeat(65 * 1024) }),
    "a token response that is no JSON": ({ url }) => url.endsWith("/token") && new Response("<html>"),
    "a redirect to somewhere else": ({ url }) =>
      url.endsWith("/token") && new Response(null, { status: 307, headers: { location: "http://127.0.0.1:9/" } }),
    "an error of its own": ({ url }) => url.endsWith("/token") && new Response("", { status: 500 }),
    "no answer": ({ url }) => url.endsWith("/token") && new Promise(() => {}),
  };
  for (const [name, respond] of Object.entries(troubles)) {
    // Without keys that it has seen before.
    await postern.restart();
    const callback = await visit();
    const before = await sessions();
    instead = respond;
    try {
      refused(await complete(callback), 503, "provider_unavailable");
    } catch (error) {
      throw new Error(name, { cause: error });
    } finally {
      instead = undefined;
    }
    assert.equal(await sessions(), before, name);
    ok(await complete(await visit()));
  }
});

test("a discovery document that is wrong for a moment is not kept", async () => {
  await postern.restart();
  instead = ({ url }) => url.endsWith("/openid-configuration") && json({ issuer: provider.issuer.url });
  try {
    refused(await send(postern, "POST", "/api/auth/login/acme", { json: {} }), 503, "provider_unavailable");
  } finally {
    instead = undefined;
  }
  ok(await complete(await visit()));
});

function json(body, status = 200) {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}
