// What D1 is asked, and what is read of its answers.

/** @param {D1PreparedStatement} statement */
export function ask(statement, values) {
  return statement.bind(...values).all();
}

// Not all that D1 tells of itself.
const read = ({ results, meta }) => [results, meta?.rows_read, meta?.rows_written, meta?.duration];

/** An answer as one text. @param {D1Result | D1Result[]} answer To a statement, or to a batch. */
export function text(answer) {
  return JSON.stringify(Array.isArray(answer) ? answer.map(read) : [read(answer)]);
}
