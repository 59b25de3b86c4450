// `npm run openapi`: updates the OpenAPI description and the client's types. Tests compare both with the code.

import { main, run, say } from "./lib/run.mjs";

await main(async () => {
  say("Writing src/endpoints/openapi.json (about a minute when the crate has changed).");
  await run("cargo", ["test", "--quiet", "--test", "api", "openapi::"], {
    env: { ...process.env, WRITE_OPENAPI: "1" },
    advice: "Fix what the test names above: an attribute `operation` in src/endpoints, or a row in src/routes.",
  });
  say("Writing clients/typescript/src/schema.ts.");
  await run("npm", ["run", "--silent", "types", "--workspace", "postern-client"], {
    advice: "Fix the problems above and run `npm run openapi` again.",
  });
});
