// What happens to everybody else when the code of one request traps, as it does on a panic: the built module, with a trap
// in the place of an endpoint.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import binaryen from "binaryen";
import { adminToken, me, ok, send } from "./support/client.mjs";
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

/** The module with a trap as the whole body of the one function whose name begins so. */
function withTrap(wasm, name) {
  const module = binaryen.readBinary(wasm);
  try {
    const all = Array.from({ length: module.getNumFunctions() }, (_, index) => module.getFunctionByIndex(index));
    const found = all.filter((reference) => binaryen.getFunctionInfo(reference).name.startsWith(name));
    assert.equal(found.length, 1, `${found.length} functions have a name that begins with ${name}; choose another endpoint`);
    binaryen.Function(found[0]).body = module.unreachable();
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}
