// An authenticator with one passkey, and the browser in front of it.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const sha256 = (data) => createHash("sha256").update(data).digest();
const decode = (text) => Buffer.from(text, "base64url");
const encode = (bytes) => Buffer.from(bytes).toString("base64url");

// User present, user verified, and a passkey that can be and is synced.
const FLAGS = 0b0001_1101;
const HAS_CREDENTIAL = 0b0100_0000;

export class Authenticator {
  #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  #id = randomBytes(16);
  #userHandle;
  #origin;

  /** @param {string} origin That of the page. */
  constructor(origin) {
    this.#origin = origin;
  }

  /** Returns what `navigator.credentials.create` does for these options. */
  create({ rp, user, challenge }) {
    this.#userHandle = user.id;
    const { x, y } = this.#keys.publicKey.export({ format: "jwk" });
    const key = Buffer.concat([
      Buffer.from("a5010203262001215820", "hex"),
      decode(x),
      Buffer.from("225820", "hex"),
      decode(y),
    ]);
    const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.#id.length]), this.#id, key]);
    const data = this.#data(rp.id, FLAGS | HAS_CREDENTIAL, attested);
    // {"fmt": "none", "attStmt": {}, "authData": …}
    const object = [
      Buffer.from("a363666d74646e6f6e656761747453746d74a0686175746844617461", "hex"),
      Buffer.from([0x58, data.length]),
      data,
    ];
    return this.#credential({
      clientDataJSON: encode(this.#clientData("webauthn.create", challenge)),
      attestationObject: encode(Buffer.concat(object)),
      transports: ["internal"],
    });
  }

  /** Returns what `navigator.credentials.get` does for these options. */
  get({ rpId, challenge }) {
    const data = this.#data(rpId, FLAGS);
    const clientData = this.#clientData("webauthn.get", challenge);
    const signature = sign("sha256", Buffer.concat([data, sha256(clientData)]), this.#keys.privateKey);
    return this.#credential({
      clientDataJSON: encode(clientData),
      authenticatorData: encode(data),
      signature: encode(signature),
      userHandle: this.#userHandle,
    });
  }

  #credential(response) {
    const id = encode(this.#id);
    return { id, rawId: id, type: "public-key", clientExtensionResults: {}, response };
  }

  #data(rpId, flags, rest = Buffer.alloc(0)) {
    return Buffer.concat([sha256(rpId), Buffer.from([flags, 0, 0, 0, 0]), rest]);
  }

  #clientData(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.#origin, crossOrigin: false }));
  }
}
