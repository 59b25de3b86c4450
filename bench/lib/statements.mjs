// The SQL of src/store, for benchmarks that run the same queries without the Worker. Read from the source, so that it cannot
// differ.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, root } from "../../scripts/lib/run.mjs";

/** Returns the statements of a function of a file in src/store, in the order of the source. */
export function statementsOf(file, name) {
  const source = readFileSync(join(root, "src", "store", file), "utf8");
  const [, indent, rest] = source.match(new RegExp(`^( *)(?:\\S+ )*fn ${name}\\b([\\s\\S]*)`, "m")) ?? [];
  // A function ends with the closing brace at its own indentation.
  const body = rest?.split(`\n${indent}}\n`)[0] ?? "";
  const statements = [...body.matchAll(/Statement::new\(\s*"([^"]*)"/g)].map(([, sql]) => sql.replaceAll(/\s+/g, " "));
  if (statements.length > 0) return statements;
  throw new Failure(
    `src/store/${file} has no function ${name} with statements.`,
    "Name the one that took its place in bench/.",
  );
}
