// What is read of the answers of D1, as one text: not all that it tells of itself is.

const read = ({ results, meta }) => [results, meta?.rows_read, meta?.rows_written, meta?.duration];

/** @param {D1Result | D1Result[]} answer To a statement, or to a batch. */
export function text(answer) {
  return JSON.stringify(Array.isArray(answer) ? answer.map(read) : [read(answer)]);
}
