// The packed client, installed in a project outside this repository: types, exports and behavior.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root, runSilently } from "../../scripts/lib/run.mjs";

const project = mkdtempSync(join(tmpdir(), "postern-client-"));
const installed = join(project, "node_modules", "postern-client");

before(() => {
  run("npm", ["pack", "--silent", "--workspace", "postern-client", "--pack-destination", project]);
  const [tarball] = readdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "outside", private: true, type: "module" }));
  const quietly = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock"];
  run("npm", ["install", ...quietly, join(project, tarball)], { cwd: project });
});
after(() => rmSync(project, { recursive: true, force: true }));

/** Runs a program, and fails the test with its output if it fails. Returns its output. */
function run(program, args, options = {}) {
  const { npm_config_local_prefix, npm_config_workspace, ...env } = process.env;
  const { status, stdout, stderr } = runSilently(program, args, { env, ...options });
  assert.equal(status, 0, `${program} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

test("the package contains the built modules with their types, the README and the licenses, and no sources", () => {
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" }).sort();
  assert.deepEqual(
    files.map((path) => path.replaceAll("\\", "/")),
    [
      "LICENSE-APACHE",
      "LICENSE-MIT",
      "README.md",
      "dist",
      "dist/client.d.ts",
      "dist/client.js",
      "dist/schema.d.ts",
      "dist/schema.js",
      "dist/sign-in.d.ts",
      "dist/sign-in.js",
      "dist/verify.d.ts",
      "dist/verify.js",
      "package.json",
    ],
  );
  for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) {
    assert.equal(readFileSync(join(installed, name), "utf8"), readFileSync(join(root, name), "utf8"), name);
  }
});

const program = `import { createClient, ok, PosternError, type User } from "postern-client";
import { type SecondFactor, signIn, supportsPasskeys } from "postern-client/sign-in";
import { Unverified, verify } from "postern-client/verify";

const requests: Request[] = [];
const session = { token: "session", user: { email: "ada@example.com" } };
const required = {
  error: "This account asks for a second step.",
  code: "second_factor_required",
  detail: { token: "pending", methods: ["totp"] },
};
const wrong = { error: "Sign in again.", code: "invalid_token", detail: null };
const answers: Record<string, () => Response> = {
  login: () => Response.json(required, { status: 403 }),
  "second-factor": () => Response.json(session),
  me: () => Response.json(wrong, { status: 401, headers: { "x-request-id": "7" } }),
};
const postern = createClient({
  url: "https://auth.example.com",
  async fetch(request) {
    requests.push(request);
    return answers[new URL(request.url).pathname.split("/").at(-1) ?? ""]!();
  },
});
postern.tokens.set("older");
const factor: SecondFactor = supportsPasskeys() ? { passkey: true } : { code: "123456" };
const result = await signIn(postern, { email: "ada@example.com", password: "secret" });
const user: User = result.status === "signed_in" ? result.user : await result.finish(factor);
console.log(result.status, user.email, postern.tokens.get());
// @ts-expect-error There is no such endpoint.
postern.GET("/api/auth/nothing").catch(() => {});
try {
  await ok(postern.GET("/api/auth/me"));
} catch (error) {
  if (!(error instanceof PosternError)) throw error;
  console.log(error.status, error.code, error.requestId, error.detail[0]?.msg, error.secondStep?.token, postern.tokens.get());
}
console.log(requests.map((request) => request.headers.get("authorization")).join());

const request = new Request("https://app.example.com", { headers: { authorization: "Bearer a.b.c" } });
const offline = () => Promise.reject(new Error("offline"));
await verify(request, { url: "https://auth.example.com", fetch: offline, minLevel: 2, maxAge: 900 }).then(
  ({ level, methods, authenticatedAt }) => console.log(level, methods.join(), authenticatedAt?.toFixed()),
  (error: unknown) => {
    if (error instanceof Unverified) console.log(error.status, error.code, error.required.minLevel);
  },
);
`;

test("a program outside the repository compiles against the package and runs", () => {
  writeFileSync(join(project, "program.ts"), program);
  for (const [module, moduleResolution] of [
    ["preserve", "bundler"],
    ["nodenext", "nodenext"],
  ]) {
    const folder = join(project, moduleResolution);
    mkdirSync(folder);
    const compilerOptions = {
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      types: [],
      module,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      outDir: ".",
      rootDir: "..",
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["../program.ts"] }));
    run("tsc", ["-p", folder]);
    const said = run("node", [join(folder, "program.js")], { cwd: project });
    assert.deepEqual(said.trim().split("\n"), [
      "second_factor_required ada@example.com session",
      "401 invalid_token 7 undefined undefined null",
      ",,Bearer session,Bearer session",
      "401 invalid_token undefined",
    ]);
  }
});
