// docs/scale.md: every figure in it follows from what was measured and from platform.json.

import { cpus } from "node:os";
import { Random } from "../../../tests/workerd/support/random.mjs";
import { saturation, simulate } from "./queue.mjs";

/** What a deployment is asked for in the simulation: how many of a thousand requests are what. */
const mix = { "check of a session": 950, login: 40, "check of an invitation": 5, "sign-up": 5 };
/** How busy the database is in the rows of the simulation. */
const loads = [0.5, 0.7, 0.8, 0.9, 0.95, 0.99];
/** So that the same measurements make the same page. */
const seed = 20_000;

export function page({ calls, bytesAUser }, platform) {
  const byName = (name) => calls.find((call) => call.name === name);
  const { d1Limits } = platform;
  const users = (d1Limits.gigabytesADatabase * 1e9) / bytesAUser;
  const [checks, logins] = [byName("check of a session"), byName("login")];
  return `# What one deployment carries

Made by \`npm run scale\` on ${new Date().toISOString().slice(0, 10)}: it sends every call to the built Worker on workerd, reads from the Worker's log what
that asked of D1 and KV, and from the system what CPU time it took. Not a figure in here is typed by hand; limits and
prices are those that the platform publishes, as read on ${platform.read} (\`scripts/lib/scale/platform.json\`).

In short: plan with ${about(byExample(checks, d1Limits))} session checks a second, or ${about(byExample(logins, d1Limits))} logins, for one D1 primary: that is the platform's example of
${d1Limits.exampleMillisecondsAQuery} ms a statement. SQLite's own time on this machine would allow ${about(perSecond(checks))} and ${about(perSecond(logins))}. It has room for ${millions(users)} million users.
A million session checks costs ${dollars(cost(checks, platform))}, a million logins ${dollars(cost(logins, platform))}, beyond what the plan of $${platform.workers.dollarsAMonth} a month includes.

## What a call takes

Means, with what follows the answer. Rows are D1's own count, by which it bills; writes to an index count. D1 ms is the
time of the statements by D1's own account, on this machine: it counts whole milliseconds, so only the mean of many
says something, and the commit is not in it. CPU is that of the whole of workerd:
besides the Worker it holds its HTTP server and the local stand-ins of D1 and KV, so it is more than the platform would
bill.

| call | round trips | statements | rows read | rows written | D1 ms | KV reads | KV writes | CPU ms |
|---|---|---|---|---|---|---|---|---|
${calls.map((call) => row(call.name, [call.d1_round_trips, call.d1_statements, call.d1_rows_read, call.d1_rows_written].map(short), call.d1_ms.toFixed(2), short(call.kv_reads), short(call.kv_writes), call.cpuMilliseconds.toFixed(1))).join("\n")}

## What a million of them costs

Beyond what is included: ${amount(platform.workers.requests.included)} requests and ${amount(platform.workers.cpuMilliseconds.included)} ms of CPU a month, ${amount(platform.d1.rowsRead.included)} rows read, ${amount(platform.d1.rowsWritten.included)} rows
written, ${platform.d1.gigabytes.included} GB in D1, ${amount(platform.kv.reads.included)} reads and ${amount(platform.kv.writes.included)} writes of KV ([Workers](${platform.workers.source}),
[D1](${platform.d1.source}), [KV](${platform.kv.source})).

| call | requests | CPU | rows read | rows written | KV | a million of them |
|---|---|---|---|---|---|---|
${calls.map((call) => row(call.name, Object.values(costs(call, platform)).map(dollars), `**${dollars(cost(call, platform))}**`)).join("\n")}

A user takes ${Math.round(bytesAUser)} bytes of D1, with a session, an invitation and the counters of one who signs in: a million users are
${((bytesAUser * 1e6) / 1e9).toFixed(2)} GB, and ${dollars(((bytesAUser * 1e6) / 1e9) * platform.d1.gigabytes.dollarsAMonth)} a month beyond what is included.

## The first ceiling: one D1 primary

Workers run in as many isolates as there is work, and KV is hardly asked. But a D1 database
[does one thing at a time](${d1Limits.source}): the example there is ${d1Limits.exampleMillisecondsAQuery} ms a query,
and so ${amount(d1Limits.exampleQueriesASecond)} queries a second. What a call keeps it busy for is therefore the ceiling.

| call | a second, at the time measured here | a second, at ${d1Limits.exampleMillisecondsAQuery} ms a statement |
|---|---|---|
${calls
  .filter((call) => call.d1_statements > 0)
  .map((call) => row(call.name, about(perSecond(call)), about(byExample(call, d1Limits))))
  .join("\n")}

A database has at most ${d1Limits.gigabytesADatabase} GB: ${millions(users)} million users. The left column leaves out what a write waits for until it is
stored, so it is a bound from above and nothing to plan with. What the statements take in a deployment, \`d1_ms\` in
the log tells.

### Simulated

Of ${amount(Object.values(mix).reduce((sum, share) => sum + share))} requests ${Object.entries(mix)
    .map(([name, share]) => `${share} are a ${name}`)
    .join(", ")}. They
come by chance to one database that serves one at a time: how long from coming to being served, the network left out.

| busy | measured: requests a second | mean | 99th percentile | at ${d1Limits.exampleMillisecondsAQuery} ms a statement: a second | mean | 99th percentile |
|---|---|---|---|---|---|---|
${simulated(byName, d1Limits)}

It saturates at ${about(saturation(kinds(byName, (call) => call.d1_ms)))} such requests a second with the times measured here, and at ${about(saturation(kinds(byName, (call) => exampleMilliseconds(call, d1Limits))))} with ${d1Limits.exampleMillisecondsAQuery} ms a statement.

## Past it, first: read replicas

\`READ_REPLICAS=on\`, and read replication [switched on for the database](${platform.readReplication.source}). Session checks
(\`GET /me\`) and checks of invitations then go to the nearest copy, ${percentage(mix["check of a session"] + mix["check of an invitation"], mix)} of the mix above; everything else stays on the primary. D1
bounds no lag: a copy "may be arbitrarily out of date". So the Worker bounds it itself:

- Every minute the cron trigger writes a beat into the database. Copies take changes over in order (the sequential consistency
  that D1 promises rests on it), so one that has a beat has all that was written before it.
- A copy whose beat is older than two minutes is not believed; the primary is asked. So a session that has ended passes at
  \`GET /me\`, and an invitation at \`GET /verify-token\`, for two minutes at most, and normally for as long as the lag.
  Everywhere else, for example at a change of a password, it is over at once.
- A copy never refuses: what it does not know, the primary is asked for. So a new session is good at once, everywhere.
- A name that was just changed may be the old one in \`GET /me\` for the same time.

A user's own service that verifies tokens by \`/api/auth/jwks\` asks nobody, and costs nothing here; it learns of an end
when the token expires.

## Past it, then: several databases (a design, not built)

Users are divided over n databases by a keyed hash of their email: \`shard = hash(email) mod n\`, with n bindings \`DB_0\` to
\`DB_n-1\` in \`wrangler.toml\`. It fits because nearly every statement begins at one user.

- **Login, reset link**: the email tells the shard. **Sessions and resets**: the shard is a claim of the token, signed with
  it. **Invitations**: the shard is the first character of the token. **Throttles** by email lie with the email; those by
  address in the shard of a hash of the address.
- **Sign-up** reads the invitation in the inviter's shard and writes the user into its own: two databases, no transaction
  over both. The order is: read the invitation, insert the user with \`ON CONFLICT DO NOTHING\`. An invitation may be used
  often, so nothing has to be taken back if the second step fails.
- **Who invited whom** crosses shards, so \`referrer_id\` loses its foreign key; the deletion of a user clears it by a job of
  the cron trigger in every shard.
- **Administration** asks every shard and merges pages by time and id; the last active admin is counted in shard 0, where all
  admins live.
- **From n to 2n**: a user of shard i moves to i or i + n. Both are bound; a user is looked up in the new shard, then in the
  old one, and moved at the next login by one insert and one conditional delete. \`npm run users\` moves the rest.
- **What it carries**: n times the figures above, and n times ${millions(users)} million users. Nothing in the contract changes.

## How it was measured

${cpus()[0].model.trim()}, ${cpus().length} CPUs; Node ${process.versions.node}. Times vary from run to run, statements and rows do not.
`;
}

function row(...cells) {
  return `| ${cells.flat().join(" | ")} |`;
}

function costs(call, { workers, d1, kv }) {
  return {
    requests: workers.requests.dollarsAMillion,
    cpu: call.cpuMilliseconds * workers.cpuMilliseconds.dollarsAMillion,
    rowsRead: call.d1_rows_read * d1.rowsRead.dollarsAMillion,
    rowsWritten: call.d1_rows_written * d1.rowsWritten.dollarsAMillion,
    kv: call.kv_reads * kv.reads.dollarsAMillion + call.kv_writes * kv.writes.dollarsAMillion,
  };
}

export function cost(call, platform) {
  return Object.values(costs(call, platform)).reduce((sum, dollars) => sum + dollars, 0);
}

function perSecond(call) {
  return 1000 / call.d1_ms;
}

function exampleMilliseconds(call, { exampleMillisecondsAQuery }) {
  return call.d1_statements * exampleMillisecondsAQuery;
}

function byExample(call, limits) {
  return 1000 / exampleMilliseconds(call, limits);
}

function kinds(byName, milliseconds) {
  const total = Object.values(mix).reduce((sum, share) => sum + share);
  return Object.entries(mix).map(([name, share]) => ({
    share: share / total,
    milliseconds: milliseconds(byName(name)),
  }));
}

function simulated(byName, limits) {
  const scenarios = [(call) => call.d1_ms, (call) => exampleMilliseconds(call, limits)].map((milliseconds) =>
    kinds(byName, milliseconds),
  );
  return loads
    .map((load) => {
      const cells = scenarios.flatMap((kinds) => {
        const random = new Random(seed);
        const perSecond = load * saturation(kinds);
        const { mean, ninetyNinth } = simulate({ perSecond, kinds, random: () => random.next() });
        return [about(perSecond), `${mean.toFixed(1)} ms`, `${ninetyNinth.toFixed(1)} ms`];
      });
      return row(`${Math.round(load * 100)} %`, cells);
    })
    .join("\n");
}

function percentage(share, mix) {
  const total = Object.values(mix).reduce((sum, one) => sum + one);
  return `${((100 * share) / total).toFixed(1)} %`;
}

/** To two digits: more would pretend to be known. */
function about(number) {
  return Number(number.toPrecision(2)).toLocaleString("en");
}

function short(number) {
  return String(Number(number.toFixed(1)));
}

function millions(number) {
  return (number / 1e6).toFixed(1);
}

function dollars(number) {
  return `$${number.toFixed(number < 0.1 ? 3 : 2)}`;
}

function amount(number) {
  const [size, name] = [
    [1e9, " billion"],
    [1e6, " million"],
    [1, ""],
  ].find(([size]) => number >= size);
  return `${(number / size).toLocaleString("en")}${name}`;
}
