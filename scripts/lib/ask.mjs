// Questions to whoever sits at the terminal.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Whether anybody sits there. */
export const canAsk = Boolean(process.stdin.isTTY && process.stdout.isTTY);

/** Asks until there is an answer; an empty one is `fallback` where there is one. What is typed to a secret is not shown. */
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
