// Models one D1 primary as a queue: requests arrive at random and are served one at a time.

/**
 * Simulates the queue.
 *
 * @param {object} options
 * @param {number} options.perSecond Mean arrival rate in requests per second (a Poisson process).
 * @param {{share: number, milliseconds: number}[]} options.kinds The kinds of requests: shares that add up to 1, and
 *   service times.
 * @param {() => number} options.random Returns numbers from 0 to 1.
 * @param {number} [options.requests] How many requests to simulate.
 * @returns {{mean: number, ninetyNinth: number}} Milliseconds from arrival to completion.
 */
export function simulate({ perSecond, kinds, random, requests = 200_000 }) {
  const between = 1000 / perSecond;
  const times = new Float64Array(requests);
  let now = 0;
  let freeAt = 0;
  for (let request = 0; request < requests; request++) {
    now -= between * Math.log(1 - random());
    freeAt = Math.max(freeAt, now) + drawn(kinds, random()).milliseconds;
    times[request] = freeAt - now;
  }
  times.sort();
  return {
    mean: times.reduce((sum, time) => sum + time, 0) / requests,
    ninetyNinth: times[Math.floor(requests * 0.99)],
  };
}

function drawn(kinds, number) {
  let share = 0;
  for (const kind of kinds) {
    share += kind.share;
    if (share > number) return kind;
  }
  return kinds.at(-1);
}

/** Returns the rate in requests per second at which the database is always busy. Beyond it, the queue grows without bound. */
export function saturation(kinds) {
  return 1000 / kinds.reduce((sum, { share, milliseconds }) => sum + share * milliseconds, 0);
}
