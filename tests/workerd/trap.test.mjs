// The effect of a trap, which a panic causes, on other requests. Uses the built module with a trap instead of an endpoint.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import binaryen from "binaryen";
import { adminToken, me, ok, raw, refused, send } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  const built = readFileSync(new URL("../../target/worker/index_bg.wasm", import.meta.url));
  postern = await startPostern({ wasm: withTrap(built, "postern::endpoints::logout::post::{{closure}}") });
});
after(() => postern?.stop());

test("a trap affects only its own request, however often it happens", async () => {
  const token = await adminToken(postern);
  for (let time = 0; time < 3; time += 1) {
    const trapping = send(postern, "POST", "/api/auth/logout", { token });
    assert.equal((await trapping.catch(() => ({ status: 500 }))).status, 500);
    ok(await me(postern, token));
    ok(await send(postern, "GET", "/health"));
  }
});

test("requests in progress during a trap, and the one that traps, get a 500 that follows the contract", async () => {
  const token = await adminToken(postern);
  const body = JSON.stringify({ email: "admin", password: "admin" });
  const start = `POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const held = Promise.withResolvers();
  // All but the last byte has been sent.
  const underWay = raw(postern, start + body.slice(0, -1), held.resolve);
  await held.promise;
  ok(await me(postern, token));
  refused(await send(postern, "POST", "/api/auth/logout", { token }), 500, "internal_error");
  refused(await underWay, 500, "internal_error");
  ok(await me(postern, token));
});

/** Returns the module with a trap as the body of the only function whose name starts with this. */
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
    // @ts-expect-error The types of binaryen lack it.
    binaryen.Function(found[0]).body = module.unreachable();
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}
