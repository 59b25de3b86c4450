// Holds the built Worker on workerd to its own description, with thousands of requests that Schemathesis makes of it:
// `npm run test:api`. As nobody, as a user and as an admin; with the argument `nobody`, `user` or `admin` as that one alone.
//
// EXAMPLES is how many requests at most are made up per operation and caller beside those that the description itself
// suggests (20 unless told), SEED which ones they are.

import { build } from "./build.mjs";
import { Failure, main, run, say } from "./lib/run.mjs";
import { installSchemathesis } from "./lib/schemathesis.mjs";

const callers = ["nobody", "user", "admin"];

await main(async () => {
  const chosen = process.argv[2] ? [process.argv[2]] : callers;
  if (!callers.includes(chosen[0]))
    throw new Failure(`There is no caller ${chosen[0]}.`, `Choose one of: ${callers.join(", ")}.`);
  const [examples, seed] = [positive("EXAMPLES", 20), positive("SEED", 1)];

  const schemathesis = await installSchemathesis();
  await build();

  const { startStage } = await import("../tests/schemathesis/stage.mjs");
  const stage = await startStage();
  try {
    for (const caller of chosen) {
      say(`Asking everything as ${caller} (some minutes).`);
      const headers = caller === "nobody" ? [] : ["--header", `Authorization: Bearer ${caller}`];
      const options = [
        "--max-examples",
        `${examples}`,
        "--seed",
        `${seed}`,
        "--continue-on-failure",
        "--suppress-health-check",
        "all",
      ];
      await run(
        schemathesis,
        [
          "--config-file",
          "tests/schemathesis/schemathesis.toml",
          "run",
          `${stage.url}/api/auth/openapi.json`,
          ...headers,
          ...options,
        ],
        {
          problem: `The Worker is not what its description says, to ${caller}.`,
          advice: `Mend the code or the annotation; \`npm run test:api ${caller}\` asks again.`,
        },
      );
    }
  } finally {
    await stage.stop();
  }
  say(`The Worker is what its description says (${chosen.join(", ")}).`);
});

function positive(name, otherwise) {
  const number = Number(process.env[name] ?? otherwise);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Failure(`${name} is ${process.env[name]}.`, "Give a whole number of at least 1.");
}
