// The webhook of SendGrid with the runtime's cryptography, and calls that are larger than those of other endpoints.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { after, before, test } from "node:test";
import { ok, refused, send, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

let postern;
before(async () => {
  const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  postern = await startPostern({ settings: { SENDGRID_WEBHOOK_PUBLIC_KEY: key } });
});
after(() => postern?.stop());

/** Sends a body with the signature of another one, which is the same unless it is given. */
function call(body, signed = body) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  return send(postern, "POST", "/webhooks/mail/sendgrid", {
    body,
    headers: {
      "content-type": "application/json",
      "x-twilio-email-event-webhook-timestamp": timestamp,
      "x-twilio-email-event-webhook-signature": sign("sha256", Buffer.from(timestamp + signed), privateKey).toString(
        "base64",
      ),
    },
  });
}

const bounce = (email) => ({ event: "bounce", type: "bounce", email });

async function problem(token) {
  return ok(await send(postern, "GET", "/api/auth/me/security", { token })).email_problem?.reason;
}

test("a call that SendGrid has signed marks the address, and a changed one does not", async () => {
  const { token } = await signUp(postern, "ada@example.com");
  const body = JSON.stringify([bounce("ada@example.com")]);
  refused(await call(body, "[]"), 403, "webhook_refused");
  assert.equal(await problem(token), undefined);
  assert.equal(ok(await call(`${body}\r\n`)), true);
  assert.equal(await problem(token), "bounce");
  refused(await send(postern, "POST", "/api/auth/me/send-otp", { token }), 409, "email_unreachable");
});

test("a call with many events can be larger than other requests", async () => {
  const { token } = await signUp(postern, "grace@example.com");
  const events = Array.from({ length: 3000 }, (_, number) => bounce(`user${number}@example.com`));
  ok(await call(JSON.stringify([...events, bounce("grace@example.com")])));
  assert.equal(await problem(token), "bounce");
  refused(await call(" ".repeat(256 * 1024 + 1)), 413, "body_too_large");
});
