// How large the Worker may be. It is uploaded gzipped, and every isolate begins by compiling it: so growth is a decision,
// made here, and not an accident.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Failure, root } from "./run.mjs";

/** What is uploaded. */
export const artefacts = ["build/index.js", "build/index_bg.wasm"];

/** The most that the artefacts may have together, each gzipped, in KiB. The platform's own limit is 3 MiB on the free plan. */
export const ceilingKibibytes = 740;

/** The most that build/index_bg.wasm may have as it is, in KiB: what an isolate has to compile. */
export const rawCeilingKibibytes = 1950;

/** Bytes of the artefacts, gzipped. */
export function gzippedBytes() {
  const missing = artefacts.filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) throw new Failure(`${missing.join(" and ")} is missing.`, "Run `npm run build`.");
  return artefacts.reduce((sum, path) => sum + gzipSync(readFileSync(join(root, path)), { level: 9 }).length, 0);
}

/** Holds the artefacts to the ceiling. Returns a sentence about them. */
export function holdToBudget(bytes = gzippedBytes()) {
  const size = `The Worker has ${(bytes / 1024).toFixed(1)} KiB gzipped, of ${ceilingKibibytes} KiB that it may have.`;
  if (bytes <= ceilingKibibytes * 1024) return size;
  throw new Failure(
    size,
    "Find what made it grow (`npm run build` tells its size), or raise the ceiling in scripts/lib/budget.mjs and say why.",
  );
}
