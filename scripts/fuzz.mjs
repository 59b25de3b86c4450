// `npm run fuzz`: fuzzes code that reads raw bytes (fuzz/). Runs each target, or only the given one, for FUZZ_SECONDS seconds
// (60 by default). With --if-possible, missing tools are not an error. Not part of `npm test`, because it needs a nightly compiler
// and has no natural end. It saves its findings in fuzz/corpus, where the next run continues.

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
  if (unknown) throw new Failure(`Unknown target ${unknown}.`, `Choose one of: ${known.join(", ")}.`);

  const missing = missingTool();
  if (missing && ifPossible) {
    say(`NOT FUZZED: ${missing.message} ${missing.advice}`);
    return;
  }
  if (missing) throw missing;

  for (const target of targets) {
    const [corpus, seeds] = [join("fuzz", "corpus", target), join("fuzz", "seeds", target)];
    mkdirSync(join(root, corpus), { recursive: true });
    say(`Fuzzing ${target} for ${seconds} seconds (after compiling it, which takes a few minutes the first time).`);
    // Inputs are at most slightly longer than the largest body. An input that takes ten seconds counts as a hang.
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
  say(`Found no problems (${targets.join(", ")}, ${seconds} seconds each).`);
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
