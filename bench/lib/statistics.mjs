// What is told of measurements that were taken side by side.

/** The middle of the values, and the lowest and highest quarter of them. */
export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => {
    const place = (sorted.length - 1) * share;
    const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return below + (above - below) * (place % 1);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** The ratio of two contestants in each round, so that what slows a whole round down counts for neither: the middle, and its spread. */
export function ratio(ours, theirs) {
  const { median, low, high } = spread(ours.map((value, round) => value / theirs[round]));
  return { value: median, low, high };
}

/**
 * The ratio of what two contestants have done in all rounds together, with the middle half of the rounds. A collection of garbage
 * stops a process for a tenth of a second, in one of several rounds: of it a median over the rounds would tell nothing.
 */
export function ratioOfAll(ours, theirs) {
  const sum = (values) => values.reduce((before, value) => before + value, 0);
  return { ...ratio(ours, theirs), value: sum(ours) / sum(theirs) };
}
