import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { artefacts, holdToBudget, rawCeilingKibibytes } from "../../scripts/lib/budget.mjs";
import { root } from "../../scripts/lib/run.mjs";

test("the Worker stays within its size budget, gzipped and uncompressed", () => {
  holdToBudget();
  const { size } = statSync(
    join(
      root,
      artefacts.find((path) => path.endsWith(".wasm")),
    ),
  );
  assert.ok(
    size <= rawCeilingKibibytes * 1024,
    `${Math.ceil(size / 1024)} KiB, at most ${rawCeilingKibibytes}: see scripts/lib/budget.mjs`,
  );
});
