// Passkeys with the WebCrypto of workerd, which the native tests replace.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { addPasskey, login, me, ok, passkeySignIn, refused, send, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";
import { startPrimitives } from "./support/primitives.mjs";

let postern;
let primitives;
before(async () => {
  postern = await startPostern();
  primitives = await startPrimitives();
});
after(async () => {
  await postern?.stop();
  await primitives?.stop();
});

const signIn = (json) => send(postern, "POST", "/api/auth/login/passkey", { json });

test("a passkey is added, signs in, confirms, and is removed", async () => {
  const { token, user } = await signUp(postern, "ada@example.com");
  const { id, authenticator } = await addPasskey(postern, token);
  const session = ok(await signIn(await passkeySignIn(postern, authenticator)));
  assert.equal(session.user.id, user.id);
  assert.equal(ok(await me(postern, session.token)).id, user.id);

  const options = ok(await send(postern, "POST", "/api/auth/reauthenticate/passkey/options", { token }));
  const proof = { token: options.token, credential: authenticator.get(options.publicKey) };
  ok(await send(postern, "POST", "/api/auth/reauthenticate", { token, json: proof }));

  const path = `/api/auth/me/passkeys/${id}`;
  ok(await send(postern, "PUT", path, { token, json: { name: "Phone" } }));
  const [passkey] = ok(await send(postern, "GET", "/api/auth/me/passkeys", { token }));
  assert.deepEqual([passkey.id, passkey.name, passkey.is_synced], [id, "Phone", false]);
  ok(await send(postern, "DELETE", path, { token }));
  refused(await signIn(await passkeySignIn(postern, authenticator)), 401, "unknown_passkey");
});

test("a passkey is the second step, and replaces the password", async () => {
  const { token, user } = await signUp(postern, "tess@example.com");
  const { authenticator } = await addPasskey(postern, token);
  await postern.sql("UPDATE users SET second_factor = 1 WHERE id = ?", user.id);
  const { detail } = refused(await login(postern, user.email), 403, "second_factor_required");
  const path = "/api/auth/login/second-factor";
  const options = ok(await send(postern, "POST", `${path}/passkey/options`, { json: { token: detail.token } }));
  const json = { token: detail.token, challenge: options.token, credential: authenticator.get(options.publicKey) };
  const session = ok(await send(postern, "POST", path, { json }));

  const { recovery_codes } = ok(await send(postern, "DELETE", "/api/auth/me/password", { token: session.token }));
  assert.equal(recovery_codes.length, 10);
  refused(await login(postern, user.email), 401, "wrong_credentials");
  ok(await signIn(await passkeySignIn(postern, authenticator)));
});

test("browsers find the origins that can use passkeys", async () => {
  const answer = await send(postern, "GET", "/.well-known/webauthn");
  assert.deepEqual(ok(answer), { origins: [postern.url] });
  assert.equal(answer.headers.get("content-type"), "application/json");
});

const bytes = (hex) => [...Buffer.from(hex, "hex")];

// Web Authentication Level 3, section 16.
const vectors = readFileSync(new URL("../vectors/webauthn.tsv", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line && !line.startsWith("#"))
  .map((line) => {
    const [section, , , , attestation_object, , client_data, authenticator_data, signature] = line.split("\t");
    return {
      section,
      attestation_object: bytes(attestation_object),
      client_data: bytes(client_data),
      authenticator_data: bytes(authenticator_data),
      signature: bytes(signature),
    };
  });

async function verify(cases) {
  return JSON.parse(await primitives.call("verify_passkeys", JSON.stringify(cases)));
}

test("the test vectors of WebAuthn are verified", async () => {
  assert.equal(vectors.length, 15);
  const others = ["packed-es384", "packed-es512", "packed-ed448"];
  assert.deepEqual(
    await verify(vectors),
    vectors.map(({ section }) => (others.some((name) => section.endsWith(name)) ? null : true)),
  );
});

test("a signature with a changed byte is invalid", async () => {
  for (const name of ["none-es256", "packed-rs256", "packed-eddsa"]) {
    const vector = vectors.find(({ section }) => section.endsWith(name));
    const changed = ["client_data", "authenticator_data", "signature"].flatMap((member) =>
      vector[member].map((byte, place) => ({ ...vector, [member]: vector[member].with(place, byte ^ 1) })),
    );
    const results = await verify(changed);
    assert.equal(results.length, changed.length);
    assert.deepEqual(new Set(results), new Set([false]), name);
  }
});

test("a point that is not on the curve signs nothing", async () => {
  for (const name of ["none-es256", "packed-eddsa"]) {
    const vector = vectors.find(({ section }) => section.endsWith(name));
    // The public key is at the end.
    const places = [1, 2, 20, 31].map((place) => vector.attestation_object.length - place);
    const changed = places.map((place) => ({
      ...vector,
      attestation_object: vector.attestation_object.with(place, vector.attestation_object[place] ^ 1),
    }));
    assert.deepEqual(await verify(changed), [false, false, false, false], name);
  }
});
