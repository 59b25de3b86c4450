// What Postern asks of D1 in a flow, for the floor. Recorded from the running Worker, so that it cannot differ.

import { once } from "./load.mjs";

/**
 * Records a flow.
 *
 * @param {string} url The address of the recorder (`workers/recorder.mjs`).
 * @param {() => object} next The next request of the flow. Every `accounts` requests, it is again about the same account.
 * @param {number} accounts
 */
export async function record(url, next, accounts) {
  const recordings = [];
  // One more than there are accounts: what differs between the first and the last one is new in each request.
  for (let number = 0; number <= accounts; number++) {
    await once(url, next());
    recordings.push(JSON.parse((await once(url, { method: "GET", path: "/recorded" })).text));
  }
  const [first, last] = [recordings[0], recordings.at(-1)];
  for (const { trips } of recordings) {
    const said = (trips) => JSON.stringify(trips.map((trip) => trip.map(({ sql }) => sql)));
    if (said(trips) !== said(first.trips)) throw new Error("Two requests of one flow asked D1 for different things.");
  }
  return {
    at: first.at,
    trips: first.trips.map((trip, place) =>
      trip.map(({ sql, values }, number) => ({
        sql,
        isRenewed: values.map((value, at) => value !== last.trips[place][number].values[at]),
      })),
    ),
    values: recordings.slice(0, accounts).map(({ trips }) => trips.flat().map(({ values }) => values)),
  };
}
