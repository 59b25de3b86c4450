// `npm run symbols -- 1234 …`: prints the names of functions in stacks of the deployed Worker, where `wasm-function[1234]` is all
// that shows. The numbers are those of the build in build/, so check out and build the deployed version first.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, main, root } from "./lib/run.mjs";
import { functionNames, namedModule } from "./lib/wasm.mjs";

await main(async () => {
  const numbers = process.argv.slice(2).map(Number);
  if (numbers.length === 0 || numbers.some(Number.isNaN))
    throw new Failure("There are no function numbers.", "Usage: npm run symbols -- 1234 5678");
  const path = join(root, namedModule);
  if (!existsSync(path)) throw new Failure(`${namedModule} is missing.`, "Run `npm run build`.");
  const names = functionNames(readFileSync(path));
  for (const number of numbers) console.log(`${number}  ${names.get(number) ?? "unknown"}`);
});
