// An authenticator for passkeys (WebAuthn Level 3, section 6), as a browser would present it: it makes the JSON that
// `navigator.credentials.create()` and `.get()` return with `toJSON()`.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

/** Flags of authenticator data (section 6.1). */
const flags = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, backedUp: 0x10, attestedData: 0x40 };

/** The COSE algorithms (RFC 9053, RFC 8812), with the keys that belong to them. */
export const algorithms = { ES256: -7, EdDSA: -8, RS256: -257 };

const keyPairs = {
  [algorithms.ES256]: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  [algorithms.EdDSA]: () => generateKeyPairSync("ed25519"),
  [algorithms.RS256]: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
};

/** Encodes a value as CBOR (RFC 8949): integers, bytes, texts, and maps given as arrays of pairs. */
function cbor(value) {
  const head = (major, length) => {
    if (length < 24) return Buffer.from([(major << 5) | length]);
    if (length < 0x100) return Buffer.from([(major << 5) | 24, length]);
    return Buffer.from([(major << 5) | 25, length >> 8, length & 0xff]);
  };
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.length), ...value.flat().map(cbor)]);
}

/** Returns a public key as COSE (RFC 9052, section 7). */
function cose(algorithm, publicKey) {
  const jwk = publicKey.export({ format: "jwk" });
  const bytes = (text) => Buffer.from(text, "base64url");
  if (algorithm === algorithms.ES256) {
    return cbor([
      [1, 2],
      [3, algorithm],
      [-1, 1],
      [-2, bytes(jwk.x)],
      [-3, bytes(jwk.y)],
    ]);
  }
  if (algorithm === algorithms.EdDSA)
    return cbor([
      [1, 1],
      [3, algorithm],
      [-1, 6],
      [-2, bytes(jwk.x)],
    ]);
  return cbor([
    [1, 3],
    [3, algorithm],
    [-1, bytes(jwk.n)],
    [-2, bytes(jwk.e)],
  ]);
}

export class Authenticator {
  /** @param {{ origin: string, algorithm?: number, verifiesUser?: boolean, counts?: boolean, isSynced?: boolean }} options */
  constructor({ origin, algorithm = algorithms.ES256, verifiesUser = true, counts = false, isSynced = false }) {
    const { publicKey, privateKey } = keyPairs[algorithm]();
    this.origin = origin;
    this.algorithm = algorithm;
    this.verifiesUser = verifiesUser;
    this.counts = counts;
    this.isSynced = isSynced;
    this.publicKey = publicKey;
    this.privateKey = privateKey;
    this.id = randomBytes(32);
    this.counter = 0;
  }

  /** Answers the options of a registration. */
  create({ challenge, rp, user, pubKeyCredParams }) {
    if (!pubKeyCredParams.some(({ alg }) => alg === this.algorithm)) throw new Error("the algorithm is not accepted");
    this.userHandle = user.id;
    const key = cose(this.algorithm, this.publicKey);
    const length = Buffer.from([this.id.length >> 8, this.id.length & 0xff]);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.id, key]);
    const authData = this.#authenticatorData(rp.id, flags.attestedData, attested);
    const attestationObject = cbor([
      ["fmt", "none"],
      ["attStmt", []],
      ["authData", authData],
    ]);
    return this.#credential({
      clientDataJSON: base64url(this.#clientData("webauthn.create", challenge)),
      attestationObject: base64url(attestationObject),
      transports: ["internal", "hybrid"],
    });
  }

  /** Answers the options of an authentication. */
  get({ challenge, rpId }) {
    const authenticatorData = this.#authenticatorData(rpId);
    const clientData = this.#clientData("webauthn.get", challenge);
    const signed = Buffer.concat([authenticatorData, sha256(clientData)]);
    const signature = sign(this.algorithm === algorithms.EdDSA ? null : "sha256", signed, this.privateKey);
    return this.#credential({
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(authenticatorData),
      signature: base64url(signature),
      userHandle: this.userHandle,
    });
  }

  #clientData(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false }));
  }

  #authenticatorData(rpId, more = 0, attested = Buffer.alloc(0)) {
    if (this.counts) this.counter += 1;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    const verified = this.verifiesUser ? flags.userVerified : 0;
    const synced = this.isSynced ? flags.backupEligible | flags.backedUp : 0;
    return Buffer.concat([
      sha256(rpId),
      Buffer.from([flags.userPresent | verified | synced | more]),
      counter,
      attested,
    ]);
  }

  #credential(response) {
    const id = base64url(this.id);
    return {
      id,
      rawId: id,
      type: "public-key",
      authenticatorAttachment: "platform",
      clientExtensionResults: {},
      response,
    };
  }
}
