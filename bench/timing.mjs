// `npm run bench:timing`: measures whether response times reveal if an email has an account, or if a passkey is known. For login,
// email sign-in, reset link, sign-up and passkeys, it sends interleaved pairs of requests, one with an account and one without, and
// prints the difference of their times with its standard error and Welch's t. An absolute t above 4.5 means that the two can be
// distinguished. It also measures the request after one that mails, while the Worker still works on the mail, with a provider,
// because only local development has the outbox. It is not a test, because it needs a quiet machine.

import { Authenticator } from "../tests/workerd/support/authenticator.mjs";
import { startPostern } from "../tests/workerd/support/postern.mjs";

const pairs = Number(process.env.PAIRS ?? 1000);
const limit = 4.5;
// A hash of "admin" with the default cost. No request uses this password.
const columns = "id, email, password_hash, created_at, updated_at";

// Emails at example.com may sign up. Those at example.net may not, so without an account they get no mail.
const settings = {
  SIGN_UP: "domains:example.com",
  MAIL_PROVIDER: "resend",
  MAIL_FROM: "Postern <noreply@app.example>",
  RESEND_API_KEY: "re_no_key",
};
const postern = await startPostern({ settings, outbound: () => Response.json({ id: "taken" }) });
try {
  const { token: admin } = await call("POST", "login", { email: "admin", password: "admin" });
  await call("POST", "me/create-token", undefined, admin);
  const numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)";
  await postern.sql(
    `${numbers} INSERT INTO users (${columns})
     SELECT 'id' || i, 'known' || i || '@example.com', (SELECT password_hash FROM users WHERE email = 'admin'), 0, 0 FROM n`,
    pairs,
  );
  // One passkey, stored under as many ids as there are users.
  const authenticator = new Authenticator({ origin: postern.url });
  const creation = await call("POST", "me/passkeys/options", undefined, admin);
  const credential = authenticator.create(creation.publicKey);
  await call("POST", "me/passkeys", { token: creation.token, credential }, admin);
  await postern.sql(
    `${numbers} INSERT INTO passkeys SELECT printf('known%07d', i), 'passkey' || i, 'id' || i, algorithm, public_key, sign_count,
       is_backup_eligible, is_synced, aaguid, transports, name, created_at, last_used_at FROM passkeys, n`,
    pairs,
  );
  const options = await call("POST", "login/passkey/options");
  const flows = {
    // Signed for another challenge, so that the signature of a known passkey is wrong.
    passkey: (email) => {
      const assertion = authenticator.get(options.publicKey);
      const other = authenticator.get({ ...options.publicKey, challenge: "another" });
      const response = { ...assertion.response, signature: other.response.signature };
      // Twelve characters, which are nine bytes in base64url.
      const number = email.replace(/\D/g, "").padStart(7, "0");
      const id = `${email.startsWith("un") ? "other" : "known"}${number}`;
      return ["login/passkey", { token: options.token, credential: { ...assertion, id, rawId: id, response } }, 401];
    },
    login: (email) => ["login", { email, password: "not the password" }, 401],
    "email sign-in": (email) => ["login/email", { email: email.replace(/^(un.*)com$/, "$1net") }, 200],
    "sign-up without an invitation": (email) => ["signup", { email, password: "a good password" }, 202],
    "reset link": (email) => ["send-password-reset-link", { email }, 200],
    "sign-up": (email) => ["signup", { referrer: "0123456789", email, password: "a good password" }, 403],
  };
  const next = () => call("GET", "me", undefined, admin);
  let distinct = 0;
  for (const [name, request, follow] of [
    ...Object.entries(flows),
    ["the request after a reset link", flows["reset link"], next],
    ["the request after an email sign-in", flows["email sign-in"], next],
  ]) {
    await postern.sql("DELETE FROM throttles");
    const { t, difference, error } = await measure(name, request, follow);
    distinct += Math.abs(t) < limit ? 0 : 1;
    console.log(
      `${name}: ${difference.toFixed(3)} ms longer with an account, standard error ${error.toFixed(3)} ms, t = ${t.toFixed(2)} ` +
        `over ${pairs} pairs ${Math.abs(t) < limit ? "(cannot be distinguished)" : "(CAN be distinguished)"}`,
    );
  }
  process.exitCode = distinct === 0 ? 0 : 1;
} finally {
  await postern.stop();
}

/** Measures `request` or, if given, the request `follow` right after it. */
async function measure(name, request, follow) {
  const times = { known: [], unknown: [] };
  for (let pair = 0; pair < pairs; pair++) {
    // Random order, so that the effects of the first request do not always count for the same kind.
    const order = Math.random() < 0.5 ? ["known", "unknown"] : ["unknown", "known"];
    for (const kind of order) {
      const [path, body, status] = request(`${kind}${pair}@example.com`);
      // Waits for the work after the previous response, which must not count here.
      while ((await postern.sql("SELECT count(*) AS queued FROM mails"))[0].queued > 0);
      const ask = () => call("POST", path, body, undefined, status, `10.${kind.length}.${pair >> 8}.${pair & 255}`);
      if (follow) await ask();
      const begin = performance.now();
      await (follow ?? ask)();
      times[kind].push(performance.now() - begin);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${pair + 1} of ${pairs}`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return welch(trimmed(times.known), trimmed(times.unknown));
}

/** Removes the slowest tenth: random pauses of the machine. */
function trimmed(values) {
  return values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length * 0.9));
}

function welch(first, second) {
  const [a, b] = [first, second].map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    return { mean, error: variance / values.length };
  });
  const [difference, error] = [a.mean - b.mean, Math.sqrt(a.error + b.error)];
  return { t: difference / error, difference, error };
}

async function call(method, path, body, bearer, expected = 200, address = "192.0.2.1") {
  const headers = { "CF-Connecting-IP": address };
  if (body) headers["Content-Type"] = "application/json";
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  const answer = await postern.fetch(`/api/auth/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (answer.status !== expected) throw new Error(`${path} answers ${answer.status}: ${text}`);
  return JSON.parse(text);
}
