// The size limits of the Worker. It is uploaded gzipped, and every isolate starts by compiling it, so growth must be a decision.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Failure, root } from "./run.mjs";

/** The files that are uploaded. */
export const artefacts = ["build/index.js", "build/index_bg.wasm"];

/** The limit for all files together, each gzipped, in KiB. The platform's own limit is 3 MiB on the free plan. */
export const ceilingKibibytes = 1030;

/** The limit for build/index_bg.wasm, uncompressed, in KiB. */
export const rawCeilingKibibytes = 2680;

/** Returns the size of the files, gzipped, in bytes. */
export function gzippedBytes() {
  const missing = artefacts.filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) throw new Failure(`${missing.join(" and ")} is missing.`, "Run `npm run build`.");
  return artefacts.reduce((sum, path) => sum + gzipSync(readFileSync(join(root, path)), { level: 9 }).length, 0);
}

/** Checks the size. Returns a sentence about it. */
export function holdToBudget(bytes = gzippedBytes()) {
  const size = `The Worker is ${(bytes / 1024).toFixed(1)} KiB gzipped; the limit is ${ceilingKibibytes} KiB.`;
  if (bytes <= ceilingKibibytes * 1024) return size;
  throw new Failure(
    size,
    "Find what made it grow (`npm run build` prints its size), or raise the limit in scripts/lib/budget.mjs and say why.",
  );
}
