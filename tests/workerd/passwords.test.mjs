// Verifies hashes of other implementations with the Worker's argon2.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, atOnce, login, ok, refused, send, signUp, tally } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
let user;
before(async () => {
  postern = await startPostern();
  ({ user } = await signUp(postern, "ada@example.com"));
});
after(() => postern?.stop());

async function store(phc) {
  await postern.sql("UPDATE users SET password_hash = ? WHERE id = ?", phc, user.id);
}

async function stored() {
  const [{ password_hash }] = await postern.sql("SELECT password_hash FROM users WHERE id = ?", user.id);
  return password_hash;
}

/** The default parameters of the settings. */
const ours = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/;

const weaker = [
  // Test vectors of the reference implementation (phc-winner-argon2, test.c).
  ["password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"],
  ["password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"],
  ["password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"],
  ["password", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"],
  // Made with argon2-cffi 25.1.0 (Python, on libargon2).
  [PASSWORD, "$argon2d$v=19$m=4096,t=2,p=1$hTI3dc9/ROortsiRvjWRlQ$fJMd7DTP4LeyCX/NsdhB9J5HGMo/LhCjFbX2Qm1DoMM"],
];

const stronger = [
  // By the reference implementation.
  ["differentpassword", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"],
  // passlib 1.7.4 with its defaults: 64 MiB and four lanes.
  [PASSWORD, "$argon2id$v=19$m=65536,t=3,p=4$9P4/x9i7l/Ieg3BOScn5fw$U9q3a1aRCjKyWniMB1DD9NBdj7FjWvFUJ2zlJOgDmcA"],
];

/** A hash with our own parameters, made with argon2-cffi 25.1.0. */
const equal = [
  [PASSWORD, "$argon2id$v=19$m=19456,t=2,p=1$acucNFLC0uUjF04bFZy4xg$fdgZrN9HAdj+IqG7e3ie1kKX5dl48m1Yjg9ykIjCitU"],
  [
    "pässwörd 🔑 with every kind of character",
    "$argon2id$v=19$m=19456,t=2,p=1$6HrQvqj+OcM5hfnn2qvhJQ$fJ1WO/Mr9f/jxO7Wf+xHjH1ZElhI1bHqHmhflwg/iaY",
  ],
];

test("an imported hash with weaker or stronger parameters works at login and is replaced", async () => {
  for (const [password, phc] of [...weaker, ...stronger]) {
    await store(phc);
    refused(await login(postern, user.email, `${password} `), 401, "wrong_credentials");
    assert.equal(await stored(), phc, "a wrong password has replaced the hash");
    ok(await login(postern, user.email, password));
    assert.match(await stored(), ours, phc);
    ok(await login(postern, user.email, password));
    refused(await login(postern, user.email, `${password} `), 401, "wrong_credentials");
  }
});

test("an imported hash with our parameters works at login and is kept", async () => {
  for (const [password, phc] of equal) {
    await store(phc);
    refused(await login(postern, user.email, password.toUpperCase()), 401, "wrong_credentials");
    ok(await login(postern, user.email, password));
    assert.equal(await stored(), phc);
  }
});

test("two kinds of hashes of 64 MiB and 32 MiB fit into the isolate one after the other", async () => {
  const [[password, argon2]] = stronger;
  // Made with better-auth 1.7.25.
  const scrypt =
    "56cce141f34e103398212b61dbdf0e26:5c11875a09c403f745d71462a3b846f466b263a78569526068e09669521f0780a9e9d7a89f7dff2067af33c3aec5475ec8665b7ad5f723a39fcee77bcc9a1838";
  for (let round = 0; round < 5; round++) {
    await store(argon2);
    ok(await login(postern, user.email, password));
    await store(scrypt);
    ok(await login(postern, user.email, PASSWORD));
  }
});

test("two hashes of the same password differ, and no response contains them", async () => {
  const bodies = [];
  for (const email of ["salt1@example.com", "salt2@example.com"])
    bodies.push(JSON.stringify(await signUp(postern, email)));
  const hashes = await postern.sql("SELECT password_hash FROM users WHERE email LIKE 'salt%'");
  assert.equal(new Set(hashes.map(({ password_hash }) => password_hash)).size, 2);
  for (const { password_hash } of hashes) assert.match(password_hash, ours);
  assert.doesNotMatch(bodies.join(), /argon2|password/);
});

test("the last of 128 characters counts, whatever the characters", async () => {
  const long = "🔑".repeat(127);
  const { user } = await signUp(postern, "long@example.com", `${long}a`);
  refused(await login(postern, user.email, `${long}b`), 401, "wrong_credentials");
  refused(await login(postern, user.email, long), 401, "wrong_credentials");
  ok(await login(postern, user.email, `${long}a`));
});

test("an impossible password is a wrong password", async () => {
  for (const password of ["", "a".repeat(10_000), "\0".repeat(100), "\ud800"]) {
    const address = `192.0.2.${password.length % 250}`;
    const json = { email: "long@example.com", password };
    const answer = await send(postern, "POST", "/api/auth/login", { json, address });
    // A lone surrogate is not valid Unicode and therefore not valid JSON.
    if (password === "\ud800") refused(answer, 400, "unreadable_body");
    else refused(answer, 401, "wrong_credentials");
  }
});

test("a stored hash that an isolate cannot compute is a wrong password and is logged", async () => {
  for (const phc of [
    "$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$2b$15$8gsjvHphGtOyC2T2adtlq.pPIMs2lZsvJTjIOTYByq9Rps.ONTgJK",
    "$scrypt$ln=17,r=8,p=1$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
    "plain text",
  ]) {
    await store(phc);
    const answer = await login(postern, user.email);
    refused(answer, 401, "wrong_credentials");
    const id = answer.headers.get("x-request-id");
    assert.doesNotMatch(answer.text, /hash|argon|isolate/i);
    const line = postern.logs().find((line) => line.includes(id) && line.includes("cannot be verified"));
    assert.ok(line && !line.includes(phc), line);
    await postern.sql("DELETE FROM throttles");
  }
});

test("many concurrent hashes of 64 MiB fit into the isolate", async () => {
  const [[password, phc]] = stronger;
  await store(phc);
  assert.deepEqual(
    tally(await atOnce(postern, 15, () => ["POST", "/api/auth/login", { json: { email: user.email, password } }])),
    { 200: 15 },
  );
});
