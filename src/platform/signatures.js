// Signs and verifies with WebCrypto.

const p256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** @param {Uint8Array} point @param {Uint8Array} message @param {Uint8Array} signature */
export function es256(point, message, signature) {
  return verify("raw", point, p256, message, signature);
}

/** @param {string} modulus In base64url. @param {Uint8Array} message @param {Uint8Array} signature */
export function rs256(modulus, message, signature) {
  const key = { kty: "RSA", n: modulus, e: "AQAB" };
  return verify("jwk", key, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, message, signature);
}

/** @param {Uint8Array} key A private key in PKCS #8. @param {Uint8Array} message Both in the memory of WebAssembly. */
export async function signEs256(key, message) {
  // Copied before the first pause, because that memory can move.
  const copy = message.slice();
  const imported = await crypto.subtle.importKey("pkcs8", key.slice(), p256, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(p256, imported, copy));
}

/** Returns the uncompressed point. @param {Uint8Array} key As for `signEs256`. */
export async function p256Point(key) {
  const imported = await crypto.subtle.importKey("pkcs8", key.slice(), p256, true, ["sign"]);
  const { kty, crv, x, y } = /** @type {JsonWebKey} */ (await crypto.subtle.exportKey("jwk", imported));
  const publicKey = await crypto.subtle.importKey("jwk", { kty, crv, x, y }, p256, true, ["verify"]);
  return new Uint8Array(/** @type {ArrayBuffer} */ (await crypto.subtle.exportKey("raw", publicKey)));
}

async function verify(format, data, algorithm, message, signature) {
  const key = await importedKey(format, data, algorithm);
  return key !== null && (await crypto.subtle.verify(algorithm, key, signature, message));
}

// Or null if the data is no key.
async function importedKey(format, data, algorithm) {
  try {
    return await crypto.subtle.importKey(format, data, algorithm, false, ["verify"]);
  } catch (error) {
    if (error.name === "DataError") return null;
    throw error;
  }
}
