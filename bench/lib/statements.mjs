// The SQL of src/store, for benches that ask D1 the same without the Worker: taken from the source, so that it cannot
// become another one.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, root } from "../../scripts/lib/run.mjs";

/** The statements that a function of a file in src/store makes, in the order of the source. */
export function statementsOf(file, name) {
  const source = readFileSync(join(root, "src", "store", file), "utf8");
  const [, indent, rest] = source.match(new RegExp(`^( *)(?:\\S+ )*fn ${name}\\b([\\s\\S]*)`, "m")) ?? [];
  // A function ends with the closing brace that is indented as it is.
  const body = rest?.split(`\n${indent}}\n`)[0] ?? "";
  const statements = [...body.matchAll(/Statement::new\(\s*"([^"]*)"/g)].map(([, sql]) => sql.replaceAll(/\s+/g, " "));
  if (statements.length > 0) return statements;
  throw new Failure(
    `src/store/${file} has no function ${name} with statements.`,
    "Name the one that took its place in bench/.",
  );
}
