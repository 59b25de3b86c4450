// Verifies signatures with WebCrypto.

/** @param {Uint8Array} point @param {Uint8Array} message @param {Uint8Array} signature */
export function es256(point, message, signature) {
  return verify("raw", point, { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, message, signature);
}

/** @param {string} modulus In base64url. @param {Uint8Array} message @param {Uint8Array} signature */
export function rs256(modulus, message, signature) {
  const key = { kty: "RSA", n: modulus, e: "AQAB" };
  return verify("jwk", key, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, message, signature);
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
