// What D1 is asked, and what is read of its answers.

/** @param {D1PreparedStatement} statement */
export function ask(statement, values) {
  return statement.bind(...values).all();
}

/** An answer as lines of JSON, in which there are no line breaks. @param {D1Result | D1Result[]} answer To a statement, or to a batch. */
export function text(answer) {
  return Array.isArray(answer) ? answer.map(lines).join("\n") : lines(answer);
}

// How many rows there are with what else is read of an answer, and each row.
function lines({ results, meta }) {
  const head = JSON.stringify([results.length, meta?.rows_read, meta?.rows_written, meta?.duration]);
  return results.reduce((before, row) => `${before}\n${JSON.stringify(row)}`, head);
}
