// `READ_REPLICAS` on workerd, which has no replicas, so all reads go to the database itself. tests/api/read_replicas.rs tests
// the lag of replicas.

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

test("sessions and invitations work and end, with and without a heartbeat", async () => {
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
