// Statistics of measurements that were taken in the same rounds.

/** Returns the median and the quartiles. */
export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => {
    const place = (sorted.length - 1) * share;
    const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return below + (above - below) * (place % 1);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** Returns the median and the spread of the ratios per round, so that a slow round counts for neither contestant. */
export function ratio(ours, theirs) {
  const { median, low, high } = spread(ours.map((value, round) => value / theirs[round]));
  return { value: median, low, high };
}

/**
 * Returns the ratio of the totals of two contestants over all rounds, with the middle half of the rounds. A garbage collection
 * stops a process for a tenth of a second in some rounds only, which a median over the rounds would hide.
 */
export function ratioOfAll(ours, theirs) {
  const sum = (values) => values.reduce((before, value) => before + value, 0);
  return { ...ratio(ours, theirs), value: sum(ours) / sum(theirs) };
}
