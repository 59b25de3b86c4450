// What happens to everybody else when the code of one request traps, as it does on a panic: the built module, with a trap
// in the place of an endpoint.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import binaryen from "binaryen";
import { adminToken, me, ok, raw, refused, send } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  const built = readFileSync(new URL("../../build/index_bg.wasm", import.meta.url));
  postern = await startPostern({ wasm: withTrap(built, "postern::endpoints::logout::post::{{closure}}") });
});
after(() => postern?.stop());

test("a request that traps is the only one that fails, however often", async () => {
  const token = await adminToken(postern);
  for (let time = 0; time < 3; time += 1) {
    const trapping = send(postern, "POST", "/api/auth/logout", { token });
    assert.equal((await trapping.catch(() => ({ status: 500 }))).status, 500);
    ok(await me(postern, token));
    ok(await send(postern, "GET", "/health"));
  }
});

test("a request that is under way when another one traps gets a 500 of the contract, and so does the one that traps", async () => {
  const token = await adminToken(postern);
  const body = JSON.stringify({ email: "admin", password: "admin" });
  const start = `POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const held = Promise.withResolvers();
  // All but the last byte of it is there.
  const underWay = raw(postern, start + body.slice(0, -1), held.resolve);
  await held.promise;
  ok(await me(postern, token));
  refused(await send(postern, "POST", "/api/auth/logout", { token }), 500, "internal_error");
  refused(await underWay, 500, "internal_error");
  ok(await me(postern, token));
});

/** The module with a trap as the whole body of the one function whose name begins so. */
function withTrap(wasm, name) {
  const module = binaryen.readBinary(wasm);
  try {
    const all = Array.from({ length: module.getNumFunctions() }, (_, index) => module.getFunctionByIndex(index));
    const found = all.filter((reference) => binaryen.getFunctionInfo(reference).name.startsWith(name));
    assert.equal(
      found.length,
      1,
      `${found.length} functions have a name that begins with ${name}; choose another endpoint`,
    );
    binaryen.Function(found[0]).body = module.unreachable();
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}
