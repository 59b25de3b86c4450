// Formats a record of `npm run bench`: for the terminal, and as the table and the chart in docs/performance.md. Both come from
// the newest record in bench/records and nothing else.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/lib/run.mjs";
import { chart } from "./chart.mjs";
import { ratio, ratioOfAll, spread } from "./statistics.mjs";

const records = join(root, "bench", "records");
const page = join(root, "docs", "performance.md");
const chartFile = join(root, "docs", "benchmark.svg");
const [opening, closing] = ["<!-- Written by `npm run bench`. -->\n", "<!-- End of what `npm run bench` writes. -->\n"];

/** The names of the flows. */
const flows = { session: "session check", login: "login", signup: "sign-up", token: "verify-token" };

/** Returns the figures of a record, one line per flow: its name, Postern's figures and the ratios. */
export function lines({ measured: { start, ...measured } }) {
  const flowLines = Object.entries(measured).map(([key, { postern, betterAuth, floor }]) => {
    const [flow, connections] = key.split("/");
    return {
      flow,
      connections: Number(connections),
      what: `${flows[flow]}, ${connections === "1" ? "one at a time" : `${connections} in parallel`}`,
      postern: spread(postern.perSecond).median,
      betterAuth: betterAuth && spread(betterAuth.perSecond).median,
      unit: "/s",
      toBetterAuth: betterAuth && ratioOfAll(postern.perSecond, betterAuth.perSecond),
      toFloor: ratioOfAll(postern.perSecond, floor.perSecond),
      cpu: postern.cpuMilliseconds.length > 0 ? spread(postern.cpuMilliseconds).median : undefined,
    };
  });
  // Inverted, so that more is better, as in the other lines.
  const faster = (other) => ratio(other.milliseconds, start.postern.milliseconds);
  return [
    ...flowLines,
    {
      flow: "start",
      what: "process start to first response",
      postern: spread(start.postern.milliseconds).median,
      betterAuth: spread(start.betterAuth.milliseconds).median,
      unit: " ms",
      toBetterAuth: faster(start.betterAuth),
      toFloor: faster(start.floor),
      cpu: undefined,
    },
  ];
}

const two = (value) => value.toFixed(2);
const withSpread = (ratio) => (ratio ? `${two(ratio.value)} (${two(ratio.low)} to ${two(ratio.high)})` : "");
const figure = (value, unit) =>
  value === undefined ? "" : `${value >= 100 ? value.toFixed(0) : value.toFixed(1)}${unit}`;

/** Returns the record as a Markdown table. */
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
    `workerd ${versions.workerd} with its local D1, Node ${versions.node}; ${machine.processor}, ${machine.processors} processors,`,
    `${machine.memoryGiB} GiB, ${machine.system}; ${began.slice(0, 10)}. The contestants took turns in rounds of ${effort.milliseconds / 1000} s: ${effort.session.sittings * effort.session.rounds} rounds for`,
    `a session check, with new processes after every ${effort.session.rounds}. A ratio compares all responses of all rounds (process start: the medians).`,
    "Brackets show the middle half of the rounds. More is better in every ratio.",
  ].join("\n");
}

/** Returns the record for the terminal. */
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

/** Returns the text between the markers. */
function section(record) {
  if (!record) return `${opening}\nNot measured yet.\n\n${closing}`;
  return `${opening}\n![Requests per second of Postern and Better Auth](benchmark.svg)\n\n${table(record)}\n\n${circumstances(record)}\n\n${closing}`;
}

/** Returns the newest record, or undefined if there is none. */
function newest() {
  const names = existsSync(records)
    ? readdirSync(records)
        .filter((name) => name.endsWith(".json"))
        .sort()
    : [];
  return names.length > 0 ? JSON.parse(readFileSync(join(records, names[names.length - 1]), "utf8")) : undefined;
}

/** Returns the page and the chart: their text, and the text that the newest record produces. */
export function published() {
  const record = newest();
  const text = readFileSync(page, "utf8");
  const [before, rest] = text.split(opening);
  const [, after] = (rest ?? "").split(closing);
  if (after === undefined) throw new Error("docs/performance.md has lost the markers around the benchmark.");
  const files = [{ path: page, is: text, should: before + section(record) + after }];
  if (record) files.push({ path: chartFile, is: readOr(chartFile, ""), should: chart(lines(record)) });
  return files;
}

/** Writes the newest record to the page and the chart. */
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
