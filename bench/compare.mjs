// `npm run bench` compares Postern with Better Auth and with the floor. Each has its own workerd, and they take turns within one run.
// Prints ratios, and writes a record and the table and chart of docs/performance.md. `npm run bench -- --quick` takes less than two
// minutes and writes only its record in build/.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../scripts/build.mjs";
import { installPackages } from "../scripts/lib/packages.mjs";
import { processor } from "../scripts/lib/processor.mjs";
import { main, root, say } from "../scripts/lib/run.mjs";

// Every contestant gets a new process in each sitting, because a process can be up to 10 % slower or faster than another one of the
// same program for its whole life. Session checks get the most sittings, because their differences are the smallest. Each turn
// starts with requests that do not count, because a contestant that waited must reconnect and has lost the processor's caches.
const [single, few, many] = [
  { sittings: 1, rounds: 4 },
  { sittings: 3, rounds: 2 },
  { sittings: 12, rounds: 2 },
];
const effort = {
  quick: {
    session: single,
    login: single,
    signup: single,
    token: single,
    start: { rounds: 4 },
    milliseconds: 500,
    leadIn: 100,
    warmUp: 500,
  },
  full: {
    session: many,
    login: few,
    signup: few,
    token: few,
    start: { rounds: 12 },
    milliseconds: 1500,
    leadIn: 200,
    warmUp: 3000,
  },
};
const connections = [1, 16];

await main(async () => {
  const { quick } = parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;
  await installPackages("bench");
  await build();
  // Their imports are installed only now.
  const { contestants, flows, names, packageVersion } = await import("./lib/contestants.mjs");
  const { load, once } = await import("./lib/load.mjs");
  const { publish, summary } = await import("./lib/report.mjs");

  const taken = effort[quick ? "quick" : "full"];
  const { milliseconds, leadIn, warmUp } = taken;
  const began = new Date();
  const running = {};
  try {
    for (const [key, start] of Object.entries(contestants)) {
      say(`Starting ${names[key]} and creating its users (a few seconds).`);
      running[key] = await start();
    }
    const measured = { ...(await measureFlows()), start: await measureStart() };
    const record = { began: began.toISOString(), machine: machine(), versions: versions(), effort: taken, measured };
    const path = quick
      ? join("build", "bench.json")
      : join("bench", "records", `${record.began.slice(0, 16).replace(":", "-")}.json`);
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), `${JSON.stringify(record, null, 1)}\n`);
    say(`The record is ${path}.\n`);
    console.log(summary(record));
    if (!quick) publish();
  } finally {
    for (const { runtime } of Object.values(running)) await runtime.stop();
  }

  /** Measures responses per second and CPU time per response of each contestant, in each round, per flow and number of connections. */
  async function measureFlows() {
    const measured = {};
    for (const flow of Object.keys(flows)) {
      const taking = Object.entries(running).filter(([, { flows }]) => flows[flow]);
      const { sittings, rounds } = taken[flow];
      for (const count of connections) {
        measured[`${flow}/${count}`] = Object.fromEntries(
          taking.map(([key]) => [key, { perSecond: [], cpuMilliseconds: [] }]),
        );
      }
      for (let sitting = 0; sitting < sittings; sitting++) {
        progress(flows[flow], sitting, sittings);
        for (const [, { runtime, flows }] of turned(taking, sitting)) {
          await runtime.restart(() => once(runtime.url, flows[flow]()));
          await load(runtime.url, flows[flow], { connections: connections[0], milliseconds: warmUp });
        }
        for (const count of connections) {
          const results = measured[`${flow}/${count}`];
          for (let round = 0; round < rounds; round++) {
            for (const [key, { runtime, flows }] of turned(taking, sitting * rounds + round)) {
              await load(runtime.url, flows[flow], { connections: count, milliseconds: leadIn });
              const cpu = runtime.cpu();
              const begin = performance.now();
              const perSecond = await load(runtime.url, flows[flow], { connections: count, milliseconds });
              const answers = (perSecond * (performance.now() - begin)) / 1000;
              results[key].perSecond.push(round3(perSecond));
              if (cpu !== undefined) results[key].cpuMilliseconds.push(round3((runtime.cpu() - cpu) / answers));
            }
          }
        }
      }
    }
    return measured;
  }

  /** Measures the milliseconds from the start of a runtime process to the response to a session check, in each round. */
  async function measureStart() {
    /** @type {Record<string, { milliseconds: number[] }>} */
    const results = Object.fromEntries(Object.keys(running).map((key) => [key, { milliseconds: [] }]));
    const { rounds } = taken.start;
    for (let round = 0; round < rounds; round++) {
      progress("start-up", round, rounds);
      for (const [key, { runtime, flows }] of turned(Object.entries(running), round)) {
        results[key].milliseconds.push(round3(await runtime.restart(() => once(runtime.url, flows.session()))));
      }
    }
    return results;
  }

  function progress(what, round, all) {
    if (round === 0) process.stdout.write(`  ${what}: `);
    process.stdout.write(round + 1 === all ? ".\n" : ".");
  }

  function versions() {
    const { postern, betterAuth } = running;
    const summaryOf = ({ version, kdf }) => ({ version, kdf });
    return {
      postern: summaryOf(postern),
      betterAuth: summaryOf(betterAuth),
      workerd: packageVersion("node_modules/workerd"),
      node: process.versions.node,
    };
  }
});

function machine() {
  return {
    processor: processor(),
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: process.platform,
  };
}

/** Returns the items in an order that changes with each round: three items take all six orders within six rounds. */
function turned(items, round) {
  const rotated = items.map((_, at) => items[(at + round) % items.length]);
  return Math.floor(round / items.length) % 2 ? rotated.reverse() : rotated;
}

function round3(value) {
  return Number(value.toPrecision(4));
}
