// Fuzzing of what reads raw bytes (fuzz/): each target for FUZZ_SECONDS seconds, 60 unless told, or the one target that
// is named. With --if-possible it is content to say so where its tools are missing. It is not part of `npm test`, because
// it needs a nightly compiler and ends when the time is over and not when something is proved. What it learns is kept in
// fuzz/corpus, so the next run goes on from there.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ask, Failure, main, root, run, say } from "./lib/run.mjs";

await main(async () => {
  const seconds = Number(process.env.FUZZ_SECONDS ?? 60);
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new Failure(`FUZZ_SECONDS is ${process.env.FUZZ_SECONDS}.`, "Give a whole number of seconds, at least 1.");
  }
  const known = readdirSync(join(root, "fuzz", "targets"))
    .map((file) => file.replace(/\.rs$/, ""))
    .sort();
  const words = process.argv.slice(2);
  const ifPossible = words.includes("--if-possible");
  const named = words.filter((word) => word !== "--if-possible");
  const targets = named.length > 0 ? named : known;
  const unknown = targets.find((target) => !known.includes(target));
  if (unknown) throw new Failure(`There is no target ${unknown}.`, `Choose of: ${known.join(", ")}.`);

  const missing = missingTool();
  if (missing && ifPossible) {
    say(`NOT FUZZED: ${missing.message} ${missing.advice}`);
    return;
  }
  if (missing) throw missing;

  for (const target of targets) {
    const [corpus, seeds] = [join("fuzz", "corpus", target), join("fuzz", "seeds", target)];
    mkdirSync(join(root, corpus), { recursive: true });
    say(`Fuzzing ${target} for ${seconds} seconds (the first time it is compiled before, some minutes).`);
    // No input is longer than a body may be and a little more; ten seconds for one input is a hang.
    const limits = [
      `-max_total_time=${seconds}`,
      "-max_len=20000",
      "-timeout=10",
      "-print_final_stats=1",
      "-verbosity=1",
    ];
    await run("cargo", ["+nightly", "fuzz", "run", target, corpus, seeds, "--", ...limits], {
      advice: `The input that it fell over is named above. \`cargo +nightly fuzz run ${target} <input>\` shows it again.`,
    });
  }
  say(`Nothing was found (${targets.join(", ")}, ${seconds} seconds each).`);
});

/** The first of the tools that is not there. */
function missingTool() {
  if (ask("cargo", ["+nightly", "--version"]) === null) {
    return new Failure(
      "A nightly Rust is missing, which fuzzing needs.",
      "Run `rustup toolchain install nightly --profile minimal`.",
    );
  }
  if (ask("cargo", ["fuzz", "--version"]) === null) {
    return new Failure("cargo-fuzz is missing.", "Run `cargo install cargo-fuzz --locked`.");
  }
  return null;
}
