// Reads the Worker's log lines (src/telemetry.rs) and formats them for the terminal.

/** Formats one line of the Worker's log. Lines that are not events are returned unchanged. */
export function readable(line) {
  const event = parse(line);
  if (event?.event === "settings") return problemList("The settings are not complete or not valid:", event.problems);
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

/** Returns the problems of the settings in a log: each with the `setting`, the `kind` and the `message`. */
export function settingsProblems(lines) {
  return lines
    .map(parse)
    .filter((event) => event?.event === "settings")
    .flatMap(({ problems }) => problems);
}

/** Returns an introduction and the message of each problem on a line of its own. */
export function problemList(introduction, problems) {
  return [introduction, ...problems.map(({ message }) => message)].join("\n  ");
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
