// Identity providers on workerd: what the fetch client of the platform accepts, and signatures by WebCrypto. The harness's `outbound`
// plays the providers, so no request reaches the network.

import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { ok, refused, send } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const LIMIT = 64 * 1024;
const names = ["acme", "exact", "larger", "endless", "moved", "silent"];
const issuer = (name) => `https://${name}.example`;

const appleKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
const apple = {
  APPLE_CLIENT_ID: "com.example.web",
  APPLE_TEAM_ID: "TEAM123456",
  APPLE_KEY_ID: "KEY1234567",
  APPLE_PRIVATE_KEY: appleKey.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
};

/** The keys of a provider, by algorithm. */
const keys = {
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
};
const jwks = JSON.stringify({
  keys: Object.entries(keys).map(([alg, { publicKey }]) => ({ ...publicKey.export({ format: "jwk" }), kid: alg, alg })),
});

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decoded = (part) => JSON.parse(Buffer.from(part, "base64url").toString());

function signed(alg, claims, key = keys[alg].privateKey) {
  const message = `${encoded({ alg, kid: alg })}.${encoded(claims)}`;
  const digest = alg === "EdDSA" ? null : "sha256";
  const signature = sign(digest, Buffer.from(message), { key, dsaEncoding: "ieee-p1363" });
  return `${message}.${signature.toString("base64url")}`;
}

function discovery(name) {
  const at = issuer(name);
  return {
    issuer: at,
    authorization_endpoint: `${at}/authorize`,
    token_endpoint: `${at}/token`,
    jwks_uri: `${at}/keys`,
  };
}

/** A discovery document with this many bytes. */
function padded(name, size) {
  const document = { ...discovery(name), padding: "" };
  return JSON.stringify({ ...document, padding: "x".repeat(size - JSON.stringify(document).length) });
}

const asked = [];
let endless;
let tokenEndpoint;

/** @type {import("node:http").RequestListener} */
async function provider(request, response) {
  const url = new URL(request.url, `https://${request.headers.host}`);
  const body = await text(request);
  asked.push({ url: url.href, headers: request.headers, body });
  const json = (text) => void response.writeHead(200, { "content-type": "application/json" }).end(text);
  if (url.pathname.endsWith("/token")) return tokenEndpoint(response, json, new URLSearchParams(body));
  if (url.pathname === "/keys") return json(jwks);
  const name = url.hostname.split(".")[0];
  if (name === "acme") json(JSON.stringify(discovery(name)));
  if (name === "exact") json(padded(name, LIMIT));
  if (name === "larger") json(padded(name, LIMIT + 1));
  if (name === "endless") flood(response);
  if (name === "moved") {
    response.writeHead(302, { location: `${issuer("elsewhere")}/document` }).end(JSON.stringify(discovery(name)));
  }
}

/** Writes without an end, as fast as it is read, until the reader is gone. */
function flood(response) {
  endless = { written: 0 };
  const chunk = Buffer.alloc(16 * 1024, " ");
  response.writeHead(200, { "content-type": "application/json" });
  const write = () => {
    if (response.destroyed || endless.written > 256 * 1024 * 1024) return response.end();
    endless.written += chunk.length;
    if (response.write(chunk)) setImmediate(write);
    else response.once("drain", write);
  };
  write();
}

let postern;
before(async () => {
  const settings = Object.fromEntries(
    names.flatMap((name) => [
      [`OIDC_${name.toUpperCase()}_ISSUER`, issuer(name)],
      [`OIDC_${name.toUpperCase()}_CLIENT_ID`, "client"],
      [`OIDC_${name.toUpperCase()}_CLIENT_SECRET`, "the secret of the client"],
      [`OIDC_${name.toUpperCase()}_VERIFIED_EMAILS`, "trusted"],
    ]),
  );
  postern = await startPostern({
    settings: { IDENTITY_PROVIDERS: [...names, "apple"].join(), SIGN_UP: "open", ...settings, ...apple },
    outbound: { node: provider },
  });
});
after(() => postern?.stop());

const begin = (name) => send(postern, "POST", `/api/auth/login/${name}`, { json: {} });

/** Goes to a provider and comes back with a code. `change` changes the claims of a good ID token. */
async function visit(name, answerOf) {
  const { url, token, id } = ok(await begin(name));
  const parameters = new URL(url).searchParams;
  tokenEndpoint = (response, json, form) => answerOf({ response, json, form, parameters });
  return await send(postern, "POST", `/api/auth/login/${name}/callback`, { json: { token, state: id, code: "code" } });
}

function claims(parameters, change = {}) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer("acme"),
    aud: "client",
    sub: "248289761001",
    nonce: parameters.get("nonce"),
    iat: now,
    exp: now + 300,
    email: "ada@example.com",
    email_verified: true,
    ...change,
  };
}

const tokens = (id_token) => JSON.stringify({ access_token: "an access token", token_type: "Bearer", id_token });

test("a sign-in verifies ID tokens of each algorithm with the keys of the provider", async () => {
  for (const alg of Object.keys(keys)) {
    const { user } = ok(
      await visit("acme", ({ json, form, parameters }) => {
        const challenge = createHash("sha256").update(form.get("code_verifier")).digest("base64url");
        assert.equal(parameters.get("code_challenge"), challenge);
        json(tokens(signed(alg, claims(parameters))));
      }),
    );
    assert.equal(user.email, "ada@example.com");
  }
  for (const [alg, { privateKey }] of Object.entries({
    RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    EdDSA: generateKeyPairSync("ed25519"),
  })) {
    const other = await visit("acme", ({ json, parameters }) =>
      json(tokens(signed(alg, claims(parameters), privateKey))),
    );
    refused(other, 401, "provider_refused");
  }
  const lines = postern.lines().join("\n");
  assert.match(lines, /the provider acme was not trusted: the signature of the ID token is wrong/);
  assert.doesNotMatch(lines, /eyJ|an access token|the secret of the client|ada@example/);
});

test("a redirect of a provider is not followed", async () => {
  refused(await begin("moved"), 503, "provider_unavailable");
  const code = await visit("acme", ({ response }) =>
    response.writeHead(307, { location: `${issuer("elsewhere")}/token` }).end("{}"),
  );
  refused(code, 503, "provider_unavailable");
  assert.deepEqual(
    asked.filter(({ url }) => url.includes("elsewhere")),
    [],
  );
  assert.match(postern.logs().join("\n"), /the provider acme: the token endpoint redirects/);
});

test("a response of 64 KiB is read, and a larger one is given up while it arrives", async () => {
  ok(await begin("exact"));
  refused(await begin("larger"), 503, "provider_unavailable");
  refused(await begin("endless"), 503, "provider_unavailable");
  assert.match(postern.logs().join("\n"), /the provider endless: fetch: .*the body has more than 65536 bytes/);
  // What buffers on the way hold, and not all of it.
  assert.ok(endless.written < 64 * 1024 * 1024, `${endless.written} bytes were written`);
});

test("a provider that never responds ends in a 503", async () => {
  refused(await begin("silent"), 503, "provider_unavailable");
  assert.match(postern.logs().join("\n"), /the provider silent: no answer within 5 s/);
});

test("the client secret for Apple is a JWT that Apple's public key verifies", async () => {
  let secret = "";
  const answer = await visit("apple", ({ response, form, parameters }) => {
    assert.equal(parameters.get("response_mode"), "form_post");
    assert.deepEqual([form.get("client_id"), form.get("grant_type")], ["com.example.web", "authorization_code"]);
    secret = form.get("client_secret") ?? "";
    response.writeHead(400, { "content-type": "application/json" }).end('{"error":"invalid_grant"}');
  });
  refused(answer, 401, "provider_refused");
  const [header, body, signature] = secret.split(".");
  assert.deepEqual(decoded(header), { alg: "ES256", kid: "KEY1234567" });
  const { iat, exp, ...rest } = decoded(body);
  assert.deepEqual(rest, { iss: "TEAM123456", aud: "https://appleid.apple.com", sub: "com.example.web" });
  assert.ok(Math.abs(iat - Date.now() / 1000) < 60 && exp > iat && exp - iat < 15_777_000, `${iat} ${exp}`);
  const key = createPublicKey(appleKey.publicKey.export({ type: "spki", format: "pem" }));
  const isValid = verify(
    "sha256",
    Buffer.from(`${header}.${body}`),
    { key, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  assert.ok(isValid);
  assert.ok(!postern.lines().join("\n").includes(secret));
});
