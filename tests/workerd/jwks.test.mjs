// Verifies sessions with only the public keys, including during a rotation of the secret.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify } from "jose";
import { adminToken, login, me, ok, refused, resetToken, send, signUp, userToken } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const FIRST_SECRET = "the-first-auth-secret-of-this-test-that-everybody-knows";
const SECOND_SECRET = "the-second-auth-secret-of-this-test-that-everybody-knows";

let postern;
before(async () => {
  postern = await startPostern({ settings: { AUTH_SECRET: FIRST_SECRET } });
});
after(() => postern?.stop());

/** Verifies a session knowing only the address of Postern. */
function verifyAsStranger(token) {
  const keys = createRemoteJWKSet(new URL("/api/auth/jwks", postern.url));
  return jwtVerify(token, keys, { issuer: postern.url, audience: postern.url, requiredClaims: ["sub", "iat", "exp"] });
}

/** Returns the token with one bit of one part flipped. */
function tampered(token, part) {
  const parts = token.split(".");
  const bytes = Buffer.from(parts[part], "base64url");
  bytes[bytes.length >> 1] ^= 1;
  parts[part] = bytes.toString("base64url");
  return parts.join(".");
}

test("a third party can verify a session with the public keys, whatever the algorithm", async () => {
  for (const algorithm of ["ES256", "EdDSA"]) {
    await postern.restart({ settings: { SESSION_TOKEN_ALGORITHM: algorithm } });
    const { token, user } = ok(await login(postern, "admin", "admin"));
    const { payload, protectedHeader } = await verifyAsStranger(token);
    assert.deepEqual([payload.sub, payload.scopes, payload.purpose], [user.id, ["admin", 2], "session"]);
    assert.deepEqual(Object.keys(protectedHeader).sort(), ["alg", "kid", "typ"]);
    assert.equal(protectedHeader.alg, algorithm);
    ok(await me(postern, token));
  }
});

test("a third party rejects a token with a different audience or issuer", async () => {
  const token = await adminToken(postern);
  const keys = createRemoteJWKSet(new URL("/api/auth/jwks", postern.url));
  await assert.rejects(jwtVerify(token, keys, { issuer: "https://evil.example" }), errors.JWTClaimValidationFailed);
  await assert.rejects(jwtVerify(token, keys, { audience: "https://evil.example" }), errors.JWTClaimValidationFailed);
});

test("third parties and the Worker reject a token with one flipped bit", async () => {
  for (const algorithm of ["ES256", "EdDSA"]) {
    await postern.restart({ settings: { SESSION_TOKEN_ALGORITHM: algorithm } });
    const token = await adminToken(postern);
    for (const part of [0, 1, 2]) {
      const forged = tampered(token, part);
      assert.notEqual(forged, token);
      await assert.rejects(verifyAsStranger(forged), errors.JOSEError);
      refused(await me(postern, forged), 401, "invalid_token");
    }
    ok(await me(postern, token));
  }
});

test("a token whose algorithm is not that of its key is rejected", async () => {
  const tokens = {};
  for (const algorithm of ["ES256", "EdDSA"]) {
    await postern.restart({ settings: { SESSION_TOKEN_ALGORITHM: algorithm } });
    tokens[algorithm] = await adminToken(postern);
  }
  const [eddsa, es256] = ok(await send(postern, "GET", "/api/auth/jwks")).keys;
  assert.deepEqual([eddsa.alg, es256.alg], ["EdDSA", "ES256"]);
  const header = (fields) => Buffer.from(JSON.stringify({ typ: "JWT", ...fields })).toString("base64url");
  for (const token of Object.values(tokens)) {
    const rest = token.slice(token.indexOf("."));
    for (const alg of ["EdDSA", "ES256"]) {
      for (const { kid } of [eddsa, es256]) {
        const forged = `${header({ alg, kid })}${rest}`;
        refused(await me(postern, forged), 401, "invalid_token");
        await assert.rejects(verifyAsStranger(forged), errors.JOSEError);
      }
    }
    ok(await me(postern, token));
  }
});

test("a session keeps working when the algorithm changes and the secret is rotated at the same time", async () => {
  await postern.restart({ settings: { SESSION_TOKEN_ALGORITHM: "ES256" } });
  const session = await adminToken(postern);
  const rotation = { AUTH_SECRET: SECOND_SECRET, AUTH_SECRET_PREVIOUS: FIRST_SECRET };
  await postern.restart({ settings: { ...rotation, SESSION_TOKEN_ALGORITHM: undefined } });
  const { keys } = ok(await send(postern, "GET", "/api/auth/jwks"));
  assert.deepEqual(
    keys.map(({ alg }) => alg),
    ["EdDSA", "EdDSA", "ES256", "ES256"],
  );
  assert.equal((await verifyAsStranger(session)).protectedHeader.kid, keys[3].kid);
  ok(await me(postern, session));
  await postern.restart({ settings: { AUTH_SECRET: FIRST_SECRET, AUTH_SECRET_PREVIOUS: undefined } });
  ok(await me(postern, session));
});

test("unsigned tokens and tokens signed with the public key as an HMAC secret are rejected", async () => {
  const claims = (await adminToken(postern)).split(".")[1];
  for (const key of ok(await send(postern, "GET", "/api/auth/jwks")).keys) {
    const header = (fields) =>
      Buffer.from(JSON.stringify({ typ: "JWT", kid: key.kid, ...fields })).toString("base64url");
    const hs256 = `${header({ alg: "HS256" })}.${claims}`;
    const forged = createHmac("sha256", Buffer.from(key.x, "base64url")).update(hs256).digest("base64url");
    for (const wrong of [`${header({ alg: "none" })}.${claims}.`, `${hs256}.${forged}`]) {
      refused(await me(postern, wrong), 401, "invalid_token");
    }
  }
});

test("a third party rejects a reset token as a session", async () => {
  const reset = await resetToken(postern, (await signUp(postern, "stranger@example.com")).user.email);
  await assert.rejects(verifyAsStranger(reset), errors.JWKSNoMatchingKey);
});

test("older tokens work during a rotation of the secret and end after it", async (t) => {
  const session = await adminToken(postern);
  const invitation = await userToken(postern, session);
  const reset = await resetToken(postern, (await signUp(postern, "rotation@example.com")).user.email);
  const keysBefore = ok(await send(postern, "GET", "/api/auth/jwks"));
  const isLive = async () => ok(await send(postern, "GET", `/api/auth/verify-token?token=${invitation}`));

  await t.test("with AUTH_SECRET_PREVIOUS", async () => {
    await postern.restart({ settings: { AUTH_SECRET: SECOND_SECRET, AUTH_SECRET_PREVIOUS: FIRST_SECRET } });
    const { keys } = ok(await send(postern, "GET", "/api/auth/jwks"));
    assert.equal(keys.length, 4);
    assert.deepEqual([keys[1], keys[3]], keysBefore.keys);
    ok(await me(postern, session));
    ok(await me(postern, reset));
    assert.equal((await verifyAsStranger(session)).protectedHeader.kid, keys[1].kid);
    assert.equal(await isLive(), true);
    const listed = ok(await send(postern, "GET", "/api/auth/me/tokens", { token: session }));
    assert.ok(listed.some(({ token }) => token === invitation));

    const fresh = await adminToken(postern);
    assert.equal((await verifyAsStranger(fresh)).protectedHeader.kid, keys[0].kid);
    await assert.rejects(jwtVerify(fresh, createLocalJWKSet(keysBefore)), errors.JWKSNoMatchingKey);
  });

  await t.test("without it", async () => {
    const fresh = await adminToken(postern);
    await postern.restart({ settings: { AUTH_SECRET_PREVIOUS: undefined } });
    assert.equal(ok(await send(postern, "GET", "/api/auth/jwks")).keys.length, 2);
    for (const dead of [session, reset]) refused(await me(postern, dead), 401, "invalid_token");
    await assert.rejects(verifyAsStranger(session), errors.JWKSNoMatchingKey);
    assert.equal(await isLive(), false);
    ok(await me(postern, fresh));
  });
});
