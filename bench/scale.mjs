// `npm run bench:scale`: measures whether a request takes longer if there are many users. Two Posterns, one with 10 users
// and one with 1,000,000 (or `--users`), take turns within one run. Prints the ratio of their times. Creating a million
// users takes a few minutes.

import { parseArgs } from "node:util";
import { build } from "../scripts/build.mjs";
import { installPackages } from "../scripts/lib/packages.mjs";
import { Failure, main, say } from "../scripts/lib/run.mjs";
import { populate } from "../tests/workerd/support/population.mjs";

const few = 10;
const limit = 1.15;
// Many short turns, so that other load on the machine affects both equally.
const [rounds, milliseconds, warmUp] = [61, 250, 1500];

await main(async () => {
  const { users } = parseArgs({ options: { users: { type: "string", default: "1000000" } } }).values;
  const many = Number(users);
  if (!Number.isInteger(many) || many < few)
    throw new Failure(`--users is ${users}.`, `Give a whole number of at least ${few}.`);
  await installPackages("bench");
  await build();
  const { contestants, flows } = await import("./lib/contestants.mjs");
  const { load } = await import("./lib/load.mjs");
  const { ratio } = await import("./lib/statistics.mjs");

  const running = [];
  try {
    for (const count of [few, many]) {
      say(`Starting a Postern with ${count.toLocaleString("en")} users.`);
      const { runtime, flows } = await contestants.postern();
      running.push({ runtime, flows });
      await populate(
        (...query) => runtime.sql(...query),
        count,
        (done) => console.log(`  ${done.toLocaleString("en")} users`),
      );
    }
    let tooSlow = 0;
    say(
      `The time of an answer with ${many.toLocaleString("en")} users, as a multiple of that with ${few}; at most ${limit}.`,
    );
    for (const [flow, name] of Object.entries(flows)) {
      /** @type {number[][]} */
      const times = [[], []];
      for (let round = -1; round < rounds; round++) {
        for (const place of round % 2 === 0 ? [0, 1] : [1, 0]) {
          const { runtime, flows } = running[place];
          const perSecond = await load(runtime.url, flows[flow], {
            connections: 4,
            milliseconds: round < 0 ? warmUp : milliseconds,
          });
          if (round >= 0) times[place].push(1 / perSecond);
        }
      }
      const { value, low, high } = ratio(times[1], times[0]);
      tooSlow += value > limit ? 1 : 0;
      console.log(
        `  ${name.padEnd(14)} ${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})${value > limit ? "  TOO SLOW" : ""}`,
      );
    }
    process.exitCode = tooSlow === 0 ? 0 : 1;
  } finally {
    for (const { runtime } of running) await runtime.stop();
  }
});
