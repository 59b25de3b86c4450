// The Worker's primitives as a separate module, so that tests and benchmarks on workerd can call them without the endpoints.

import { inputs } from "../build.mjs";
import { buildExample, folderOf } from "./example.mjs";

/** The folder of the built module. */
export const folder = folderOf("primitives");

/** Builds the module, unless it is up to date. */
export function buildPrimitives() {
  return buildExample(
    "primitives",
    [...inputs, "tests/workerd/support/primitives.rs", "scripts/lib/primitives.mjs"],
    "the primitives for workerd",
  );
}
