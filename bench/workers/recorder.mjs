// Postern, with a note of what each request has asked of D1 before its response. `GET /recorded` returns that of the last request.

import postern from "./postern.mjs";

/** @type {{ sql: string, values: (string | number | null)[] }[][]} */
let trips = [];
let recorded = "";
let isWatched = false;

/** Notes the calls of a database: D1's client has the text and the values of a statement as its properties. */
function watch(database) {
  const note = (statements) => trips.push(statements.map(({ statement: sql, params }) => ({ sql, values: params })));
  const statement = Object.getPrototypeOf(database.prepare("SELECT 1"));
  const { all } = statement;
  statement.all = function (...args) {
    note([this]);
    return all.apply(this, args);
  };
  const client = Object.getPrototypeOf(database);
  const { batch } = client;
  client.batch = function (statements) {
    note(statements);
    return batch.call(this, statements);
  };
}

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === "/recorded") return new Response(recorded);
    if (!isWatched) watch(env.DB);
    isWatched = true;
    trips = [];
    const at = Date.now();
    const response = await postern.fetch(request, env, context);
    recorded = JSON.stringify({ at, trips });
    return response;
  },
};
