// A run of the cron trigger with a mail provider that accepts requests and never responds. In a separate file, because it takes
// almost a minute.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ok, send, until } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const MAILS = 60;
const settings = {
  MAIL_PROVIDER: "resend",
  MAIL_FROM: "Postern <noreply@app.example>",
  RESEND_API_KEY: "re_a_key_that_is_no_key",
};

test("a run ends even if the provider never responds, and the next run sends the rest", async () => {
  let asked = 0;
  const hanging = [];
  // The provider is down at first, so that the mails stay in the queue.
  let answer = (response) => response.writeHead(500).end();
  const node = (request, response) => {
    asked += 1;
    request.resume();
    answer(response);
  };
  const postern = await startPostern({ settings, outbound: { node } });
  try {
    await postern.sql(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO users (id, email, password_hash, created_at, updated_at)
       SELECT 'user' || i, 'user' || i || '@example.com', 'none', 0, 0 FROM n`,
      MAILS,
    );
    for (let user = 1; user <= MAILS; user++) {
      const json = { email: `user${user}@example.com` };
      ok(await send(postern, "POST", "/api/auth/send-password-reset-link", { json, address: `198.51.100.${user}` }));
    }
    const queued = async () => await postern.sql("SELECT next_attempt_at FROM mails WHERE attempts = 1");
    await until(async () => (await queued()).length === MAILS);
    const due = Math.max(...(await queued()).map(({ next_attempt_at }) => next_attempt_at));

    asked = 0;
    answer = (response) => hanging.push(response);
    await postern.scheduled(due);
    // Each round of five hangs until the provider's timeout of ten seconds. More rounds would take over a minute.
    assert.ok(asked >= 5 && asked <= 30, `the run began ${asked} mails`);
    const begun = asked;
    // The run has released its mails, and nothing continues after it.
    assert.equal((await postern.sql("SELECT id FROM mails WHERE next_attempt_at <= ?", due)).length, MAILS - begun);

    answer = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
    asked = 0;
    // After all leases and waits of the hanging run.
    await postern.scheduled(due + 180_000);
    assert.equal(asked, MAILS);
    assert.deepEqual(await postern.sql("SELECT id FROM mails"), []);
  } finally {
    for (const response of hanging) response.destroy();
    await postern.stop();
  }
});
