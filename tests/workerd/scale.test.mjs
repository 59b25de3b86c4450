// The model behind docs/scale.md. What it is fed with is measured by `npm run scale`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cost } from "../../scripts/lib/scale/page.mjs";
import { saturation, simulate } from "../../scripts/lib/scale/queue.mjs";
import { Random } from "./support/random.mjs";

test("the simulated queue waits as queueing theory says, and without end beyond its saturation", () => {
  const random = new Random(1);
  const run = (perSecond, kinds) => simulate({ perSecond, kinds, random: () => random.next() });
  const near = (actual, expected) =>
    assert.ok(Math.abs(actual / expected - 1) < 0.05, `${actual} is not about ${expected}`);

  // Pollaczek and Khinchine: the mean wait is rate × E[service²] / (2 (1 − load)).
  const alike = [{ share: 1, milliseconds: 2 }];
  assert.equal(saturation(alike), 500);
  near(run(250, alike).mean, 2 + (0.25 * 2 ** 2) / (2 * (1 - 0.5)));
  const mixed = [
    { share: 0.9, milliseconds: 1 },
    { share: 0.1, milliseconds: 11 },
  ];
  assert.equal(saturation(mixed), 500);
  near(run(350, mixed).mean, 2 + (0.35 * (0.9 * 1 + 0.1 * 11 ** 2)) / (2 * (1 - 0.7)));
  assert.ok(run(600, alike).ninetyNinth > 1_000);
});

test("a call costs what each of its parts costs", () => {
  const price = (dollarsAMillion) => ({ dollarsAMillion });
  const platform = {
    workers: { requests: price(1), cpuMilliseconds: price(10) },
    d1: { rowsRead: price(100), rowsWritten: price(1_000) },
    kv: { reads: price(10_000), writes: price(100_000) },
  };
  const call = { cpuMilliseconds: 2, d1_rows_read: 3, d1_rows_written: 4, kv_reads: 5, kv_writes: 6 };
  assert.equal(cost(call, platform), 654_321);
});
