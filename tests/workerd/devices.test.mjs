// The place of a request is what the platform says of its connection (`request.cf`).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, mail, signUp } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

let postern;
before(async () => {
  postern = await startPostern({ settings: { LOCATION: "city" } });
});
after(() => postern?.stop());

/**
 * Sends a request as if it came from there.
 * @param {string} path
 * @param {{ cf?: object, token?: string, json?: object }} options
 */
async function call(path, { cf, token, json }) {
  const url = new URL(path, postern.url.replace("http:", "https:"));
  const headers = { "user-agent": firefox, "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const init = { method: json ? "POST" : "GET", headers, body: json && JSON.stringify(json), cf };
  const response = await postern.fetch(url.href, init);
  assert.equal(response.status, 200);
  return await response.json();
}

test("sessions, events and devices have the place of the request, and the network is not stored", async () => {
  const { user } = await signUp(postern, "place@example.com");
  const cf = { country: "CH", city: "Zurich", asn: 64496 };
  const { token } = await call("/api/auth/login", { cf, json: { email: user.email, password: PASSWORD } });
  const place = { browser: "Firefox", system: "Linux", country: "CH", city: "Zurich" };
  const placeOf = ({ browser, system, country, city }) => ({ browser, system, country, city });
  const sessions = await call("/api/auth/me/sessions", { token });
  assert.deepEqual(placeOf(sessions.find(({ current }) => current)), place);
  const events = await call("/api/auth/me/events", { token });
  assert.deepEqual(placeOf(events.items[0]), place);
  const [device] = await postern.sql("SELECT * FROM devices WHERE user_id = ? AND country = 'CH'", user.id);
  assert.deepEqual(placeOf(device), place);
  assert.ok(!JSON.stringify(device).includes("64496"));
  const { text } = await mail(postern, user.email, /^New sign-in/);
  // Nobody has verified the address.
  assert.match(text, /^When: .* UTC$/m);
  assert.ok(!text.includes("Zurich"));
});

test("a place that is unknown, or is no country, is null", async () => {
  const { user } = await signUp(postern, "nowhere@example.com");
  for (const cf of [
    { country: "T1", asn: 64496 },
    { country: "XX", city: "" },
    { country: 7, city: {}, asn: "a" },
  ]) {
    const { token } = await call("/api/auth/login", { cf, json: { email: user.email, password: PASSWORD } });
    const sessions = await call("/api/auth/me/sessions", { token });
    const { country, city } = sessions.find(({ current }) => current);
    assert.deepEqual({ country, city }, { country: null, city: null });
  }
});
