// Formats the Worker's log lines for the terminal.

/** Formats one line of the Worker's log. Lines that are not events are returned unchanged. */
export function readable(line) {
  const event = parse(line);
  const what = {
    request: () =>
      `${event.method} ${event.route} ${event.status}${event.outcome === "success" ? "" : ` ${event.outcome}`}`,
    after_answer: () => `  after the response to ${event.method} ${event.route}`,
    cron: () => "cron trigger",
  }[event?.event];
  if (!what) return line;
  const d1 = `D1: ${event.d1_statements} statements, ${event.d1_rows_read} rows read, ${event.d1_rows_written} written`;
  return `${what()} (${event.duration_ms} ms; ${d1}; KV: ${event.kv_reads} reads, ${event.kv_writes} writes)`;
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
