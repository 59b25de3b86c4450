// Runs D1 queries and formats their results.

/** @param {D1PreparedStatement} statement */
export function ask(statement, values) {
  return statement.bind(...values).all();
}

/** An answer as lines of JSON, in which there are no line breaks. @param {D1Result | D1Result[]} answer To a statement, or to a batch. */
export function text(answer) {
  return Array.isArray(answer) ? answer.map(lines).join("\n") : lines(answer);
}

// The number of rows with the metadata, then each row.
function lines({ results, meta }) {
  const head = JSON.stringify([results.length, meta?.rows_read, meta?.rows_written, meta?.duration]);
  return results.reduce((before, row) => `${before}\n${JSON.stringify(row)}`, head);
}
