// What each call costs where it is paid for: rows that D1 says it read and wrote, and requests that leave the Worker. Held
// against the table in docs/storage.md, which `npm run costs` writes.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { PASSWORD, adminToken, login, ok, resetToken, send, sendOtp, userToken } from "./support/client.mjs";
import { populate } from "./support/population.mjs";
import { startPostern } from "./support/postern.mjs";

const document = new URL("../../docs/storage.md", import.meta.url);
const header = "| call | sub-requests | rows read | rows written | after the answer |\n|---|---|---|---|---|\n";
const [few, many] = [10, 20_000];

let postern;
let referrer;
before(async () => {
  postern = await startPostern({ around: "counting.mjs" });
  referrer = await userToken(postern, await adminToken(postern));
});
after(() => postern?.stop());

/** What to send for each call, by somebody who has just signed up. */
const requests = {
  "POST /api/auth/login": ({ email }) => ({ json: { email, password: PASSWORD } }),
  "POST /api/auth/signup": ({ other }) => ({ json: { referrer, email: other, password: PASSWORD } }),
  "POST /api/auth/logout": ({ token }) => ({ token }),
  "GET /api/auth/jwks": () => ({}),
  "POST /api/auth/send-password-reset-link": ({ email }) => ({ json: { email } }),
  "POST /api/auth/reset-password-with-token": async ({ email }) => ({
    token: await resetToken(postern, email),
    json: { password: "another good password" },
  }),
  "POST /api/auth/verify-otp": async (user) => {
    const { token, code } = await sendOtp(postern, user);
    return { form: { otp: code, token } };
  },
  "GET /api/auth/verify-token": () => ({ query: `?token=${referrer}` }),
  "GET /api/auth/me": ({ token }) => ({ token }),
  "DELETE /api/auth/me": ({ token }) => ({ token }),
  "PUT /api/auth/me/name": ({ token }) => ({ token, json: { name: "Ada" } }),
  "PUT /api/auth/me/password": ({ token }) => ({
    token,
    json: { old_password: PASSWORD, new_password: "another good password" },
  }),
  "POST /api/auth/me/send-otp": ({ token }) => ({ token }),
  "POST /api/auth/me/send-invite": ({ token, other }) => ({ token, json: { email: other } }),
  "POST /api/auth/me/create-token": ({ token }) => ({ token, json: {} }),
  "GET /api/auth/me/tokens": ({ token }) => ({ token }),
  "POST /api/auth/me/tokens": ({ token }) => ({ token }),
  "DELETE /api/auth/me/tokens/{token}": async ({ token }) => ({ token, last: await userToken(postern, token) }),
  "GET /api/auth/me/sessions": ({ token }) => ({ token }),
  "DELETE /api/auth/me/sessions/{id}": async ({ token, email }) => {
    const { token: other } = ok(await login(postern, email));
    return { token, last: JSON.parse(Buffer.from(other.split(".")[1], "base64url")).sid };
  },
  "GET /health": () => ({}),
};

/** Every call of the first table of the document but those of local development. */
async function calls() {
  const [, table] = (await readFile(document, "utf8")).split("| call | round trips |");
  const names = [...table.split("\n\n")[0].matchAll(/^\| ([A-Z]+ \/\S+) \|/gm)].map(([, name]) => name);
  return names.filter((name) => !name.includes(" /dev/"));
}

let people = 0;

async function newUser() {
  people += 1;
  const email = `person${people}@example.com`;
  const json = { referrer, email, password: PASSWORD };
  const { token, user } = ok(await send(postern, "POST", "/api/auth/signup", { json, address: address() }));
  return { email, token, user, other: `friend${people}@example.com` };
}

let addresses = 0;
const address = () => `2001:db8:${(addresses += 1).toString(16)}::1`;

/** What was done since the last answer, when all of it is done. */
async function afterTheAnswer() {
  return await (await postern.fetch("/counts-after-the-answer")).json();
}

async function cost(call) {
  const [method, path] = call.split(" ");
  const request = requests[call];
  assert.ok(request, `${call} is not in tests/workerd/costs.test.mjs: say there what to send`);
  const { query = "", last, ...options } = await request(await newUser());
  await afterTheAnswer();
  const answer = await send(postern, method, path.replace(/\{.*\}/, last) + query, { ...options, address: address() });
  ok(answer);
  return [JSON.parse(answer.headers.get("x-counts")), await afterTheAnswer()];
}

async function table() {
  let rows = "";
  for (const call of await calls()) {
    const [before, after] = (await cost(call)).map(({ subRequests, rowsRead, rowsWritten }) => [subRequests, rowsRead, rowsWritten]);
    rows += `| ${call} | ${before.join(" | ")} | ${after.join(", ")} |\n`;
  }
  return header + rows;
}

test("what a call costs is what the table says, and does not depend on how many users there are", async () => {
  await populate((...query) => postern.sql(...query), few);
  const withFew = await table();
  await populate((...query) => postern.sql(...query), many);
  assert.equal(await table(), withFew);

  const text = await readFile(document, "utf8");
  if (process.env.WRITE_COSTS) {
    const [before, rest] = text.split(header);
    await writeFile(document, before + withFew + rest.replace(/^(\|.*\n)*/, ""));
  } else {
    assert.ok(text.includes(withFew), `docs/storage.md should have (\`npm run costs\` writes it):\n\n${withFew}`);
  }
});
