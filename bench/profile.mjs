// `npm run profile -- <flow>`: shows where the running Worker spends its CPU time. Takes a profile with workerd's inspector
// while a flow runs (session, login, signup or token), prints the functions with the most self time, and writes the whole
// profile to build/<flow>.cpuprofile for the Performance panel of Chrome's developer tools.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../scripts/build.mjs";
import { installPackages } from "../scripts/lib/packages.mjs";
import { Failure, main, root, say } from "../scripts/lib/run.mjs";

const [warmUp, milliseconds] = [3000, 8000];
const intervalMicroseconds = 100;

await main(async () => {
  await installPackages("bench");
  await build();
  const { contestants, flows, names } = await import("./lib/contestants.mjs");
  const { Inspector } = await import("./lib/inspector.mjs");
  const { load } = await import("./lib/load.mjs");

  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { of: { type: "string", default: "postern" }, top: { type: "string", default: "40" } },
  });
  const flow = positionals[0] ?? "session";
  if (!flows[flow]) throw new Failure(`Unknown flow ${flow}.`, `Choose one of: ${Object.keys(flows).join(", ")}.`);
  if (!contestants[values.of])
    throw new Failure(`Unknown contestant ${values.of}.`, `Choose one of: ${Object.keys(contestants).join(", ")}.`);

  say(`Starting ${names[values.of]} and creating its users (a few seconds).`);
  const contestant = await contestants[values.of]({ inspectorPort: 0 });
  try {
    const { runtime } = contestant;
    const next = contestant.flows[flow];
    const effort = { connections: 4, milliseconds };
    await load(runtime.url, next, { ...effort, milliseconds: warmUp });
    say(`Taking a profile of ${flows[flow]} for ${milliseconds / 1000} seconds.`);
    const inspector = await Inspector.connect(await runtime.inspector());
    await inspector.call("Profiler.enable");
    await inspector.call("Profiler.setSamplingInterval", { interval: intervalMicroseconds });
    await inspector.call("Profiler.start");
    const begin = performance.now();
    const perSecond = await load(runtime.url, next, effort);
    const answers = (perSecond * (performance.now() - begin)) / 1000;
    const { profile } = await inspector.call("Profiler.stop");
    inspector.close();

    const path = join("build", `${flow}.cpuprofile`);
    writeFileSync(join(root, path), JSON.stringify(profile));
    print(profile, answers, Number(values.top));
    say(`The whole profile is ${path}: open it in the Performance panel of Chrome's developer tools.`);
  } finally {
    await contestant.runtime.stop();
  }
});

/** Returns the functions by self time, in microseconds per response. Idle time is the wait for D1 and for the next request. */
function print({ nodes, samples, timeDeltas }, answers, top) {
  const own = new Map();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  samples.forEach((id, at) => {
    const { functionName, url } = byId.get(id).callFrame;
    const name = `${functionName || "(anonymous)"}${url.startsWith("wasm:") ? "" : `  ${url.split("/").at(-1)}`}`;
    own.set(name, (own.get(name) ?? 0) + timeDeltas[at]);
  });
  const idle = own.get("(idle)  ") ?? 0;
  own.delete("(idle)  ");
  const busy = [...own.values()].reduce((sum, time) => sum + time, 0);
  console.log(
    `\n${(busy / answers).toFixed(0)} µs of the Worker's isolate an answer, over ${answers.toFixed(0)} answers; idle beside it: ${(idle / 1e6).toFixed(1)} s.\n`,
  );
  console.log("   µs   share  function");
  for (const [name, time] of [...own].sort(([, a], [, b]) => b - a).slice(0, top)) {
    console.log(
      `${(time / answers).toFixed(1).padStart(6)}  ${((100 * time) / busy).toFixed(1).padStart(5)}%  ${name}`,
    );
  }
}
