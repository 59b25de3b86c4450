// Asks questions at the terminal.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Whether there is a terminal. */
export const canAsk = Boolean(process.stdin.isTTY && process.stdout.isTTY);

/**
 * Asks until there is an answer. An empty answer means `fallback`, if there is one. The answer is not shown if it is a secret.
 *
 * @param {string} question
 * @param {{ fallback?: string, isSecret?: boolean }} [options]
 */
export async function askFor(question, { fallback, isSecret = false } = {}) {
  let shows = true;
  const output = new Writable({
    write: (chunk, _, done) => {
      if (shows) process.stdout.write(chunk);
      done();
    },
  });
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  try {
    for (;;) {
      const asked = terminal.question(`  ${question}${fallback ? ` [${fallback}]` : ""}: `);
      shows = !isSecret;
      const answer = (await asked).trim() || fallback;
      shows = true;
      if (isSecret) process.stdout.write("\n");
      if (answer) return answer;
    }
  } finally {
    terminal.close();
  }
}
