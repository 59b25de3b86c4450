// Formatting and clippy, natively and for wasm32, each warning an error; and the types of the pages. The native pass of
// clippy sees the tests too; the other sees the code that only the Worker has. The fuzz targets are a workspace that
// neither sees: whether they still compile is told here, because they seldom run. The workflows are held to actionlint in
// tests/scripts/workflows.test.mjs.

import { ask, main, run, say } from "./lib/run.mjs";
import { installTarget, lockedInCi } from "./lib/tools.mjs";

await main(async () => {
  await installTarget();
  for (const [program, component] of [
    ["cargo-fmt", "rustfmt"],
    ["cargo-clippy", "clippy"],
  ]) {
    if (ask(program, ["--version"]) === null) {
      say(`Adding the Rust component ${component} (some seconds).`);
      await run("rustup", ["component", "add", component], { advice: `Give your Rust the component ${component}.` });
    }
  }

  say("Formatting.");
  await run("cargo", ["fmt", "--check"], { advice: "Run `npm run format`." });
  await run("biome", ["format"], { advice: "Run `npm run format`." });

  say("The types of the pages (some seconds).");
  await run("tsc", ["-p", "pages"], { advice: "Mend what is named above and run `npm run lint` again." });

  const advice = "Mend what clippy says above and run `npm run lint` again.";
  const deny = ["--", "-D", "warnings"];
  say("Clippy, natively (about two minutes the first time).");
  await run("cargo", ["clippy", ...lockedInCi, "--all-targets", ...deny], { advice });
  say("Clippy, for wasm32 (about one minute the first time).");
  await run("cargo", ["clippy", ...lockedInCi, "--target", "wasm32-unknown-unknown", ...deny], { advice });
  say("The fuzz targets (about two minutes the first time).");
  // Into the same folder: what does not differ is there already.
  await run("cargo", ["check", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target"], {
    advice: "Mend what rustc says above: what the fuzz targets use has changed.",
  });
});
