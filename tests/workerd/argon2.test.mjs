// Compares the Worker's argon2, which uses WebAssembly SIMD, with published test vectors and with the argon2 crate.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPrimitives } from "./support/primitives.mjs";
import { Random, seed } from "./support/random.mjs";

let primitives;
before(async () => {
  primitives = await startPrimitives();
});
after(() => primitives?.stop());

const bytes = (text) => [...Buffer.from(text)];

async function hash(cases) {
  return JSON.parse(await primitives.call("argon2_twice", JSON.stringify(cases)));
}

test("the test vectors of RFC 9106 pass", async () => {
  const tags = {
    argon2d: "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb",
    argon2i: "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8",
    argon2id: "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
  };
  const input = {
    ...{ version: 0x13, memory_kib: 32, passes: 3, lanes: 4, length: 32 },
    ...{ password: Array(32).fill(1), salt: Array(16).fill(2), secret: Array(8).fill(3), data: Array(12).fill(4) },
  };
  const made = await hash(Object.keys(tags).map((algorithm) => ({ algorithm, ...input })));
  assert.deepEqual(
    made.map((hash) => hash.worker),
    Object.values(tags),
  );
});

test("the test vectors of the reference implementation pass", async () => {
  // phc-winner-argon2, test.c: variant, version, passes, memory, lanes, password, salt, hash.
  const vectors = [
    [
      "argon2i",
      0x10,
      2,
      65536,
      1,
      "password",
      "somesalt",
      "f6c4db4a54e2a370627aff3db6176b94a2a209a62c8e36152711802f7b30c694",
    ],
    [
      "argon2i",
      0x10,
      2,
      256,
      1,
      "password",
      "somesalt",
      "fd4dd83d762c49bdeaf57c47bdcd0c2f1babf863fdeb490df63ede9975fccf06",
    ],
    [
      "argon2i",
      0x10,
      2,
      256,
      2,
      "password",
      "somesalt",
      "b6c11560a6a9d61eac706b79a2f97d68b4463aa3ad87e00c07e2b01e90c564fb",
    ],
    [
      "argon2i",
      0x10,
      1,
      65536,
      1,
      "password",
      "somesalt",
      "81630552b8f3b1f48cdb1992c4c678643d490b2b5eb4ff6c4b3438b5621724b2",
    ],
    [
      "argon2i",
      0x10,
      4,
      65536,
      1,
      "password",
      "somesalt",
      "f212f01615e6eb5d74734dc3ef40ade2d51d052468d8c69440a3a1f2c1c2847b",
    ],
    [
      "argon2i",
      0x10,
      2,
      65536,
      1,
      "differentpassword",
      "somesalt",
      "e9c902074b6754531a3a0be519e5baf404b30ce69b3f01ac3bf21229960109a3",
    ],
    [
      "argon2i",
      0x10,
      2,
      65536,
      1,
      "password",
      "diffsalt",
      "79a103b90fe8aef8570cb31fc8b22259778916f8336b7bdac3892569d4f1c497",
    ],
    [
      "argon2i",
      0x13,
      2,
      65536,
      1,
      "password",
      "somesalt",
      "c1628832147d9720c5bd1cfd61367078729f6dfb6f8fea9ff98158e0d7816ed0",
    ],
    [
      "argon2i",
      0x13,
      2,
      256,
      1,
      "password",
      "somesalt",
      "89e9029f4637b295beb027056a7336c414fadd43f6b208645281cb214a56452f",
    ],
    [
      "argon2i",
      0x13,
      2,
      256,
      2,
      "password",
      "somesalt",
      "4ff5ce2769a1d7f4c8a491df09d41a9fbe90e5eb02155a13e4c01e20cd4eab61",
    ],
    [
      "argon2i",
      0x13,
      1,
      65536,
      1,
      "password",
      "somesalt",
      "d168075c4d985e13ebeae560cf8b94c3b5d8a16c51916b6f4ac2da3ac11bbecf",
    ],
    [
      "argon2i",
      0x13,
      4,
      65536,
      1,
      "password",
      "somesalt",
      "aaa953d58af3706ce3df1aefd4a64a84e31d7f54175231f1285259f88174ce5b",
    ],
    [
      "argon2i",
      0x13,
      2,
      65536,
      1,
      "differentpassword",
      "somesalt",
      "14ae8da01afea8700c2358dcef7c5358d9021282bd88663a4562f59fb74d22ee",
    ],
    [
      "argon2i",
      0x13,
      2,
      65536,
      1,
      "password",
      "diffsalt",
      "b0357cccfbef91f3860b0dba447b2348cbefecadaf990abfe9cc40726c521271",
    ],
    [
      "argon2id",
      0x13,
      2,
      65536,
      1,
      "password",
      "somesalt",
      "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7",
    ],
    [
      "argon2id",
      0x13,
      2,
      256,
      1,
      "password",
      "somesalt",
      "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe",
    ],
    [
      "argon2id",
      0x13,
      2,
      256,
      2,
      "password",
      "somesalt",
      "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037",
    ],
    [
      "argon2id",
      0x13,
      1,
      65536,
      1,
      "password",
      "somesalt",
      "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98",
    ],
    [
      "argon2id",
      0x13,
      4,
      65536,
      1,
      "password",
      "somesalt",
      "9025d48e68ef7395cca9079da4c4ec3affb3c8911fe4f86d1a2520856f63172c",
    ],
    [
      "argon2id",
      0x13,
      2,
      65536,
      1,
      "differentpassword",
      "somesalt",
      "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde",
    ],
    [
      "argon2id",
      0x13,
      2,
      65536,
      1,
      "password",
      "diffsalt",
      "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c",
    ],
  ];
  for (const [algorithm, version, passes, memory_kib, lanes, password, salt, expected] of vectors) {
    const input = { algorithm, version, passes, memory_kib, lanes, password: bytes(password), salt: bytes(salt) };
    const [made] = await hash([{ ...input, secret: [], data: [], length: 32 }]);
    assert.equal(made.worker, expected, JSON.stringify(input));
  }
});

test("the argon2 crate gives the same result for 4,000 random inputs", async () => {
  const random = new Random(seed);
  const some = (least, most) => Array.from({ length: least + random.below(most - least + 1) }, () => random.below(256));
  const cases = Array.from({ length: 4000 }, () => {
    const lanes = 1 + random.below(8);
    return {
      algorithm: random.of(["argon2d", "argon2i", "argon2id"]),
      version: random.of([0x10, 0x13]),
      lanes,
      // Mostly small; some large enough that a segment needs several address blocks.
      memory_kib: 8 * lanes + random.below(random.chance(0.05) ? 4000 : 300),
      passes: 1 + random.below(4),
      password: some(0, 200),
      // Seven bytes are too short, and both must reject them.
      salt: some(random.chance(0.02) ? 0 : 8, 64),
      secret: random.chance(0.3) ? some(1, 40) : [],
      data: random.chance(0.3) ? some(1, 32) : [],
      // Three bytes of output are too short as well.
      length: random.chance(0.02) ? random.below(8) : 4 + random.below(200),
    };
  });
  for (let first = 0; first < cases.length; first += 250) {
    const batch = cases.slice(first, first + 250);
    for (const [index, made] of (await hash(batch)).entries()) {
      assert.equal(made.worker, made.crate, `SEED=${seed} repeats this: ${JSON.stringify(batch[index])}`);
    }
  }
});

test("the memory of an isolate does not grow with the number of hashed passwords", async () => {
  const isolate = await startPrimitives();
  const grown = async (memoryKib, count) => {
    await isolate.call("hash_passwords", count, memoryKib, 1);
    return isolate.call("memory_bytes");
  };
  try {
    const before = await grown(4096, 1);
    assert.equal(await grown(4096, 300), before);
    // A smaller hash reuses the memory; a larger one grows it once.
    assert.equal(await grown(1024, 50), before);
    const larger = await grown(16_384, 1);
    assert.ok(larger > before, `${larger} bytes, after ${before}`);
    assert.equal(await grown(16_384, 50), larger);
  } finally {
    await isolate.stop();
  }
});
