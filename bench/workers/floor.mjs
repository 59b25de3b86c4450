// The floor: a Worker that runs the same D1 queries as Postern and does nothing else: no tokens, no hashes, no checks.
// Its rate is the maximum for any Worker with these queries.

import { STATEMENTS } from "statements";

const HOUR = 3_600_000;

// The last value of the first two is for a read replica, which a benchmark does not have.
const flows = {
  async session({ DB }, { sid }) {
    return await DB.prepare(STATEMENTS.findLive[0]).bind(sid, Date.now(), null).first();
  },

  async token({ DB }, { lookup }) {
    return (await DB.prepare(STATEMENTS.isLive[0]).bind(lookup, null, Date.now(), null).first()) !== null;
  },

  async login({ DB }, { email, address }) {
    const now = Date.now();
    const bound = (sql, ...values) => DB.prepare(sql).bind(...values);
    const [account, known, source] = [`account ${email}`, `known ${email} ${address}`, `address ${address}`];
    const [count] = STATEMENTS.count;
    const found = await DB.batch([
      bound(count, account, known, now, 20, 30_000, HOUR, HOUR, source),
      bound(count, source, null, now, 200, 30_000, HOUR, HOUR, null),
      bound(STATEMENTS.attemptPassword[0], email),
    ]);
    const user = found[2].results[0];
    const [forgetAccount, rememberAddress, forgiveAddress] = STATEMENTS.forgive;
    await DB.batch([
      bound(STATEMENTS.completeLogin[0], crypto.randomUUID(), user.id, null, now, now + HOUR, user.password_hash),
      bound(STATEMENTS.event[0], now, "login", "success", user.id, user.id, address),
      bound(forgetAccount, account),
      bound(rememberAddress, known, now + HOUR),
      bound(forgiveAddress, source),
    ]);
    return { user };
  },

  async signup({ DB }, { email, address, lookup }) {
    const now = Date.now();
    const bound = (sql, ...values) => DB.prepare(sql).bind(...values);
    const source = `sign-up ${address}`;
    await DB.batch([
      bound(STATEMENTS.count[0], source, null, now, 500, 60_000, HOUR, HOUR, null),
      bound(STATEMENTS.attemptSignUp[0], lookup, null, now, email),
    ]);
    const [insert, begin] = STATEMENTS.signUp;
    const id = crypto.randomUUID();
    const [inserted] = await DB.batch([
      bound(insert, id, email, "no hash", null, lookup, now),
      bound(STATEMENTS.event[0], now, "signup", "success", id, id, address),
      bound(begin, crypto.randomUUID(), id, null, now, now + HOUR),
    ]);
    return { user: inserted.results[0] };
  },
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const flow = flows[url.pathname.slice(1)];
    const values = request.method === "POST" ? await request.json() : Object.fromEntries(url.searchParams);
    const answer = await flow(env, values);
    return answer ? Response.json(answer) : new Response("nothing was found", { status: 404 });
  },
};
