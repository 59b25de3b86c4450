// The floor: a Worker that asks D1 what Postern has asked (bench/lib/recording.mjs) and does nothing else: no tokens, no hashes, no
// checks. Its rate is the maximum for any Worker with these queries.

import { RECORDINGS } from "recordings";

let made = 0;

/** Returns a value like this one that no request has had: an id, or a text of the same length. */
function another(value) {
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(value)) return crypto.randomUUID();
  return String(++made).padStart(value.length, "floor ");
}

export default {
  async fetch(request, { DB }) {
    const { searchParams, pathname } = new URL(request.url);
    const { at, trips, values } = RECORDINGS[pathname.slice(1)];
    const recorded = values[Number(searchParams.get("account"))];
    const [shift, others] = [Date.now() - at, new Map()];
    // What differs between two requests of an account: a time, or something that the request has made.
    const renewed = (value) => {
      if (typeof value === "number") return value + shift;
      if (!others.has(value)) others.set(value, another(value));
      return others.get(value);
    };
    let answers;
    let number = 0;
    for (const trip of trips) {
      const statements = trip.map(({ sql, isRenewed }) => {
        const own = recorded[number++];
        return DB.prepare(sql).bind(
          ...own.map((value, at) => (isRenewed[at] && value !== null ? renewed(value) : value)),
        );
      });
      answers = statements.length === 1 ? await statements[0].all() : await DB.batch(statements);
    }
    return Response.json(answers);
  },
};
