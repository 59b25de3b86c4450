// Measures the cost of each call by sending it to the built Worker on workerd. The Worker's log has the use of D1 and KV; CPU
// time is that of the whole workerd process.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../run.mjs";
import { importUsers } from "../users/move.mjs";
import {
  adminToken,
  login,
  ok,
  resetToken,
  send,
  sendOtp,
  userToken,
  verifyOtp,
} from "../../../tests/workerd/support/client.mjs";
import { startPostern } from "../../../tests/workerd/support/postern.mjs";

const password = "correct horse battery";
/** The hash of `password`, made by argon2-cffi 25.1.0 with the default parameters of the settings. */
const hash = "$argon2id$v=19$m=19456,t=2,p=1$acucNFLC0uUjF04bFZy4xg$fdgZrN9HAdj+IqG7e3ie1kKX5dl48m1Yjg9ykIjCitU";

/** The unit in which the kernel counts CPU time (USER_HZ). */
const tickMilliseconds = 10;

/**
 * The calls to measure. `prepare` sets up one call and returns the function that sends it. Calls without `prepare` repeat the
 * same request.
 */
const calls = [
  {
    name: "login",
    route: "POST /api/auth/login",
    prepare: (world, user) => () => login(world.postern, user.email, password, from(user)),
  },
  {
    name: "sign-up",
    route: "POST /api/auth/signup",
    prepare: (world, user) => () =>
      send(world.postern, "POST", "/api/auth/signup", {
        json: { referrer: world.referrer, email: `new-${user.email}`, password },
        ...from(user),
      }),
  },
  {
    name: "session check",
    route: "GET /api/auth/me",
    request: (world) => send(world.postern, "GET", "/api/auth/me", { token: world.session }),
  },
  {
    name: "invitation check",
    route: "GET /api/auth/verify-token",
    request: (world) => send(world.postern, "GET", `/api/auth/verify-token?token=${world.referrer}`),
  },
  {
    name: "public keys",
    route: "GET /api/auth/jwks",
    request: (world) => send(world.postern, "GET", "/api/auth/jwks"),
  },
  {
    name: "new invitation",
    route: "POST /api/auth/me/create-token",
    prepare: async (world, user) => {
      const token = await session(world, user);
      return () => send(world.postern, "POST", "/api/auth/me/create-token", { token });
    },
  },
  {
    name: "logout",
    route: "POST /api/auth/logout",
    prepare: async (world, user) => {
      const token = await session(world, user);
      return () => send(world.postern, "POST", "/api/auth/logout", { token });
    },
  },
  {
    name: "request for a code",
    route: "POST /api/auth/me/send-otp",
    prepare: async (world, user) => {
      const token = await session(world, user);
      return () => send(world.postern, "POST", "/api/auth/me/send-otp", { token });
    },
  },
  {
    name: "code verification",
    route: "POST /api/auth/verify-otp",
    prepare: async (world, user) => {
      await world.postern.sql("DELETE FROM one_time_passwords WHERE user_id = ?", user.id);
      const { token, code } = await sendOtp(world.postern, { token: await session(world, user), user });
      return () => verifyOtp(world.postern, code, token);
    },
  },
  {
    name: "request for a reset link",
    route: "POST /api/auth/send-password-reset-link",
    prepare: (world, user) => () =>
      send(world.postern, "POST", "/api/auth/send-password-reset-link", { json: { email: user.email }, ...from(user) }),
  },
  {
    name: "password reset",
    route: "POST /api/auth/reset-password-with-token",
    prepare: async (world, user) => {
      await world.postern.sql("DELETE FROM throttles");
      const token = await resetToken(world.postern, user.email);
      return () =>
        send(world.postern, "POST", "/api/auth/reset-password-with-token", {
          token,
          json: { password: `${password} again` },
        });
    },
  },
];

/** Gives every user a separate address, to avoid rate limits. */
function from(user) {
  return { address: `2001:db8:${user.number.toString(16)}::1` };
}

async function session(world, user) {
  return ok(await login(world.postern, user.email, password, from(user))).token;
}

/**
 * @param {object} [options]
 * @param {number} [options.users] How often to repeat calls that need a new user each time.
 * @param {number} [options.repeats] How often to repeat the other calls.
 * @param {(name: string) => void} [options.onProgress] Called at the start of each call.
 */
export async function measure({ users = 150, repeats = 1_000, onProgress = () => {} } = {}) {
  if (process.platform !== "linux")
    throw new Failure("CPU time is read from /proc, which this system does not have.", "Run it on Linux.");
  const postern = await startPostern();
  try {
    const world = await populate(postern, users);
    const measured = [];
    for (const call of calls) {
      onProgress(call.name);
      const requests = call.prepare
        ? await inTurn(world.users, (user) => call.prepare(world, user))
        : Array.from({ length: repeats }, () => () => call.request(world));
      await quiet(postern);
      const before = { events: postern.events().length, cpu: cpuMilliseconds(postern.pid) };
      for (const request of requests) ok(await request());
      await quiet(postern);
      const cpu = cpuMilliseconds(postern.pid) - before.cpu;
      measured.push({
        name: call.name,
        route: call.route,
        cpuMilliseconds: cpu / requests.length,
        ...usage(postern, before.events, call, requests.length),
      });
    }
    return { calls: measured, bytesAUser: await bytesAUser() };
  } finally {
    await postern.stop();
  }
}

async function populate(postern, count) {
  const admin = await adminToken(postern);
  const users = Array.from({ length: count }, (_, number) => ({
    number,
    id: `user-${number}`,
    email: `user${number}@example.com`,
  }));
  const records = users.map(({ id, email }) => ({ place: id, record: { id, email, password_hash: hash } }));
  await importUsers(postern.database, () => records);
  return { postern, users, session: admin, referrer: await userToken(postern, admin) };
}

async function inTurn(users, prepare) {
  const prepared = [];
  for (const user of users) prepared.push(await prepare(user));
  return prepared;
}

/** Waits until the work after the responses is done. */
async function quiet(postern) {
  let events;
  do {
    events = postern.events().length;
    await new Promise((resolve) => setTimeout(resolve, 150));
  } while (postern.events().length !== events);
}

function cpuMilliseconds(pid) {
  // utime and stime are fields 14 and 15. Skip the program's name first, which may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMilliseconds;
}

const figures = [
  "d1_round_trips",
  "d1_statements",
  "d1_rows_read",
  "d1_rows_written",
  "d1_ms",
  "kv_reads",
  "kv_writes",
];

/** Returns means of the logged figures of these calls, including the work after the response. */
function usage(postern, since, call, count) {
  const own = postern
    .events()
    .slice(since)
    .filter(({ method, route }) => `${method} ${route}` === call.route);
  if (own.filter(({ event }) => event === "request").length !== count) {
    throw new Failure(
      `The log does not have every ${call.route}.`,
      "Check that scripts/lib/scale/measure.mjs still matches the log format of src/telemetry.rs.",
    );
  }
  return Object.fromEntries(
    figures.map((figure) => [figure, own.reduce((sum, event) => sum + event[figure], 0) / count]),
  );
}

/** Returns the size of a user in the database, with a session, an invitation and login counters. */
async function bytesAUser() {
  const postern = await startPostern();
  const count = 5_000;
  try {
    await adminToken(postern);
    const empty = await size(postern);
    const records = Array.from({ length: count }, () => crypto.randomUUID()).map((id, number) => ({
      place: id,
      record: { id, email: `first.last${number}@mail.example.com`, name: `First Last ${number}`, password_hash: hash },
    }));
    await importUsers(postern.database, () => records);
    const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    await postern.sql(
      `INSERT INTO sessions (id, user_id, user_agent, created_at, expires_at) SELECT lower(hex(randomblob(16))), id, '${agent}', 1, 1 FROM users`,
    );
    await postern.sql(
      "INSERT INTO user_tokens SELECT lower(hex(randomblob(32))), id, hex(randomblob(8)), hex(randomblob(50)), NULL, 1, 1 FROM users",
    );
    for (let counter = 0; counter < 2; counter++) {
      await postern.sql("INSERT INTO throttles SELECT lower(hex(randomblob(32))), 1, 1, 1 FROM users");
    }
    return ((await size(postern)) - empty) / count;
  } finally {
    await postern.stop();
  }
}

/** Returns the size of the database in bytes, from the file, because D1 does not report it. */
async function size(postern) {
  const { DatabaseSync } = await import("node:sqlite");
  const folder = join(postern.state, "d1", "miniflare-D1DatabaseObject");
  const name = readdirSync(folder).find((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  if (!name) throw new Error(`${folder} has no database`);
  const file = new DatabaseSync(join(folder, name), { readOnly: true });
  const pages = file.prepare("PRAGMA page_count").get()?.page_count;
  const bytes = file.prepare("PRAGMA page_size").get()?.page_size;
  file.close();
  return Number(pages) * Number(bytes);
}
