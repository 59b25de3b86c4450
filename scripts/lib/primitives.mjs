// The primitives of the Worker as a module of their own, which tests and benches on workerd call past its endpoints.

import { inputs } from "../build.mjs";
import { buildExample, folderOf } from "./example.mjs";

/** Where the module is put. */
export const folder = folderOf("primitives");

/** Builds the module. Does nothing if nothing has changed. */
export function buildPrimitives() {
  return buildExample(
    "primitives",
    [...inputs, "tests/workerd/support/primitives.rs", "scripts/lib/primitives.mjs"],
    "the primitives for workerd",
  );
}
