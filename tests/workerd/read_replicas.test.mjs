// `READ_REPLICAS` on the real runtime. This machine has no replicas, so the nearest copy is the database itself; how far
// behind a copy may be is tested natively, in tests/api/read_replicas.rs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { adminToken, me, ok, refused, send, signUp, userToken } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern({ settings: { READ_REPLICAS: "on" } });
});
after(() => postern?.stop());

const verify = (token) => send(postern, "GET", `/api/auth/verify-token?token=${token}`);

test("sessions and invitations are good and end, with a beat and without one", async () => {
  for (const beat of [undefined, Date.now()]) {
    if (beat) await postern.scheduled(beat);
    assert.deepEqual(await postern.sql("SELECT beat_at FROM heartbeat"), beat ? [{ beat_at: beat }] : []);
    const { token, user } = await signUp(postern, `ada${beat}@example.com`);
    assert.deepEqual(ok(await me(postern, token)), user);
    const invitation = await userToken(postern, await adminToken(postern));
    assert.equal(ok(await verify(invitation)), true);

    ok(await send(postern, "POST", "/api/auth/logout", { token }));
    refused(await me(postern, token), 401, "invalid_token");
    ok(await send(postern, "DELETE", `/api/auth/me/tokens/${invitation}`, { token: await adminToken(postern) }));
    assert.equal(ok(await verify(invitation)), false);
  }
});
