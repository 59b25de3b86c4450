// One D1 primary as a queue: requests come by chance, wait for each other, and are served one at a time.

/**
 * Simulates it.
 *
 * @param {object} options
 * @param {number} options.perSecond How many requests come in a second, on average (a Poisson process).
 * @param {{share: number, milliseconds: number}[]} options.kinds What they are: shares that add up to 1, and how long each
 *   keeps the database busy.
 * @param {() => number} options.random Numbers from 0 to 1.
 * @param {number} [options.requests] How many are simulated.
 * @returns {{mean: number, ninetyNinth: number}} Milliseconds from coming to being served.
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
  return kinds.find((kind) => (share += kind.share) > number) ?? kinds.at(-1);
}

/** How many requests a second keep the database busy all the time: from there on the queue grows without end. */
export function saturation(kinds) {
  return 1000 / kinds.reduce((sum, { share, milliseconds }) => sum + share * milliseconds, 0);
}
