// What a record of `npm run bench` says: to the terminal, and as the table and the chart of the README. Both are made from
// the newest record in bench/records and from nothing else.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/lib/run.mjs";
import { chart } from "./chart.mjs";
import { ratio, ratioOfAll, spread } from "./statistics.mjs";

const records = join(root, "bench", "records");
const readme = join(root, "README.md");
const chartFile = join(root, "docs", "benchmark.svg");
const [opening, closing] = [
  "<!-- Written by `npm run bench`. -->\n",
  "<!-- The end of what `npm run bench` writes. -->\n",
];

/** How the flows of a record are told. */
const flows = { session: "session check", login: "login", signup: "sign-up", token: "verify-token" };

/** The figures of a record, a line each: what is measured, Postern's own, and its ratios. */
export function lines({ measured: { start, ...measured } }) {
  const told = Object.entries(measured).map(([key, { postern, betterAuth, floor }]) => {
    const [flow, connections] = key.split("/");
    return {
      flow,
      connections: Number(connections),
      what: `${flows[flow]}, ${connections === "1" ? "one after the other" : `${connections} at once`}`,
      postern: spread(postern.perSecond).median,
      betterAuth: betterAuth && spread(betterAuth.perSecond).median,
      unit: "/s",
      toBetterAuth: betterAuth && ratioOfAll(postern.perSecond, betterAuth.perSecond),
      toFloor: ratioOfAll(postern.perSecond, floor.perSecond),
      cpu: postern.cpuMilliseconds.length > 0 ? spread(postern.cpuMilliseconds).median : undefined,
    };
  });
  // Turned over, so that more is better here too.
  const faster = (other) => ratio(other.milliseconds, start.postern.milliseconds);
  return [
    ...told,
    {
      flow: "start",
      what: "start of a process to its first answer",
      postern: spread(start.postern.milliseconds).median,
      betterAuth: spread(start.betterAuth.milliseconds).median,
      unit: " ms",
      toBetterAuth: faster(start.betterAuth),
      toFloor: faster(start.floor),
    },
  ];
}

const two = (value) => value.toFixed(2);
const withSpread = (ratio) => (ratio ? `${two(ratio.value)} (${two(ratio.low)} to ${two(ratio.high)})` : "");
const figure = (value, unit) =>
  value === undefined ? "" : `${value >= 100 ? value.toFixed(0) : value.toFixed(1)}${unit}`;

/** The record as a Markdown table, and how it was measured. */
export function table(record) {
  const rows = lines(record).map(({ what, postern, betterAuth, unit, toBetterAuth, toFloor }) =>
    [what, figure(postern, unit), figure(betterAuth, unit), withSpread(toBetterAuth), withSpread(toFloor)].join(" | "),
  );
  return [
    "| | Postern | Better Auth | Postern ÷ Better Auth | Postern ÷ floor |",
    "|---|---|---|---|---|",
    ...rows.map((row) => `| ${row} |`),
  ].join("\n");
}

function circumstances({ began, machine, versions, effort }) {
  const { postern, betterAuth } = versions;
  return [
    `Postern ${postern.version} with ${postern.kdf}; Better Auth ${betterAuth.version} with ${betterAuth.kdf};`,
    `workerd ${versions.workerd}, its local D1, Node ${versions.node}; ${machine.processor}, ${machine.processors} processors,`,
    `${machine.memoryGiB} GiB, ${machine.system}; ${began.slice(0, 10)}. Rounds of ${effort.milliseconds / 1000} s in turns, ${effort.session.sittings * effort.session.rounds} of them for`,
    `a session check, with new processes after each ${effort.session.rounds}. A ratio is of the answers in all rounds together (of starts: the median),`,
    "with the middle half of the rounds in brackets; more is better in every line.",
  ].join("\n");
}

/** The record for the terminal. */
export function summary(record) {
  const all = lines(record);
  const width = Math.max(...all.map(({ what }) => what.length));
  const printed = all.map(({ what, postern, unit, toBetterAuth, toFloor, cpu }) =>
    [
      what.padEnd(width),
      figure(postern, unit).padStart(9),
      toBetterAuth ? `${withSpread(toBetterAuth).padStart(21)} × Better Auth` : " ".repeat(35),
      `${withSpread(toFloor).padStart(20)} × floor`,
      cpu === undefined ? "" : `${cpu.toFixed(2).padStart(8)} ms of CPU`,
    ].join("  "),
  );
  return `${printed.join("\n")}\n\n${circumstances(record)}`;
}

/** What the README has between the marks. */
function section(record) {
  if (!record) return `${opening}\nNot measured yet.\n\n${closing}`;
  return `${opening}\n![Requests a second of Postern and of Better Auth](docs/benchmark.svg)\n\n${table(record)}\n\n${circumstances(record)}\n\n${closing}`;
}

/** The newest record; nothing if there is none. */
function newest() {
  const names = existsSync(records)
    ? readdirSync(records)
        .filter((name) => name.endsWith(".json"))
        .sort()
    : [];
  return names.length > 0 ? JSON.parse(readFileSync(join(records, names.at(-1)), "utf8")) : undefined;
}

/** The README and the chart as the newest record makes them: what they are, and what they should be. */
export function published() {
  const record = newest();
  const text = readFileSync(readme, "utf8");
  const [before, rest] = text.split(opening);
  const [, after] = (rest ?? "").split(closing);
  if (after === undefined) throw new Error("README.md has lost the marks between which the benchmark stands.");
  const files = [{ path: readme, is: text, should: before + section(record) + after }];
  if (record) files.push({ path: chartFile, is: readOr(chartFile, ""), should: chart(lines(record)) });
  return files;
}

/** Writes the newest record into the README and its chart. */
export function publish() {
  for (const { path, should } of published()) writeFileSync(path, should);
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
