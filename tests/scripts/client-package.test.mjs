// The packed client, installed in a project outside this repository: types, exports and behavior.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root, runSilently } from "../../scripts/lib/run.mjs";

const folder = mkdtempSync(join(tmpdir(), "postern-client-"));
/** A project with nothing but the client. */
const project = join(folder, "alone");
/** Projects with the frameworks, each with another version of React. */
const withFrameworks = [
  {
    name: "react-19",
    packages: [
      "react@19.3.1",
      "react-dom@19.3.1",
      "@types/react@19.3.3",
      "next@16.4.6",
      "@types/node@22.20.5",
      "hono@4.13.19",
    ],
  },
  { name: "react-18", packages: ["react@18.3.1", "react-dom@18.3.1", "@types/react@18.3.27", "hono@4.13.19"] },
];
const installed = join(project, "node_modules", "postern-client");

before(() => {
  run("npm", ["pack", "--silent", "--workspace", "postern-client", "--pack-destination", folder]);
  const [tarball] = readdirSync(folder);
  const install = (at, packages) => {
    mkdirSync(at);
    writeFileSync(join(at, "package.json"), JSON.stringify({ name: "outside", private: true, type: "module" }));
    const quietly = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    // The binaries of Next.js are optional dependencies, and no test builds an app.
    run("npm", ["install", ...quietly, "--omit=optional", join(folder, tarball), ...packages], { cwd: at });
  };
  install(project, []);
  for (const { name, packages } of withFrameworks) install(join(folder, name), packages);
});
after(() => rmSync(folder, { recursive: true, force: true }));

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
      "dist/browser.d.ts",
      "dist/browser.js",
      "dist/client.d.ts",
      "dist/client.js",
      "dist/cookies.d.ts",
      "dist/cookies.js",
      "dist/hono.d.ts",
      "dist/hono.js",
      "dist/next.d.ts",
      "dist/next.js",
      "dist/paths.d.ts",
      "dist/paths.js",
      "dist/react.d.ts",
      "dist/react.js",
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

/** Type-checks and compiles files strictly, with both ways in which bundlers and Node find modules. Calls `then` with each result. */
function compile(project, files, then = (_) => {}) {
  for (const [module, moduleResolution] of [
    ["preserve", "bundler"],
    ["nodenext", "nodenext"],
  ]) {
    const outDir = join(project, `compiled-${moduleResolution}`);
    const compilerOptions = {
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      types: [],
      jsx: "react-jsx",
      module,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      outDir,
      rootDir: project,
    };
    const config = join(project, `tsconfig.${moduleResolution}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, files }));
    run("tsc", ["-p", config]);
    then(outDir);
  }
}

test("a program outside the repository compiles against the package and runs", () => {
  writeFileSync(join(project, "program.ts"), program);
  compile(project, ["program.ts"], (compiled) => {
    const said = run("node", [join(compiled, "program.js")], { cwd: project });
    assert.deepEqual(said.trim().split("\n"), [
      "second_factor_required ada@example.com session",
      "401 invalid_token 7 undefined undefined null",
      ",,Bearer session,Bearer session",
      "401 invalid_token undefined",
    ]);
  });
});

const honoProgram = `import { Hono } from "hono";
import { findSession, requireSession } from "postern-client/hono";

const app = new Hono<{ Bindings: { POSTERN_URL: string } }>();
app.use("/api/*", requireSession({ url: "https://auth.example.com" }));
app.get("/me", requireSession({ url: "https://auth.example.com", online: true }), (c) => {
  const email: string = c.var.user.email;
  return c.text(email + c.var.session.user.email);
});
app.get("/maybe", findSession((c) => ({ url: c.env.POSTERN_URL, cookie: true })), (c) => {
  // @ts-expect-error There may be no session.
  const id = () => c.var.session.userId;
  return c.text(typeof id === "string" ? id : c.var.session?.userId ?? "nobody");
});
app.get("/api/thing", (c) => c.text("thing"));
const responses = [await app.request("/api/thing"), await app.request("/maybe", {}, { POSTERN_URL: "https://auth.example.com" })];
console.log(responses.map(({ status }) => status).join(), await responses[1]?.text());
`;

const reactProgram = `import { renderToString } from "react-dom/server";
import { PosternProvider, SignInForm, type User, useSession, useSignIn, useSignOut, useUser } from "postern-client/react";

function Home() {
  const { status, user } = useSession();
  const same: User | null = useUser();
  const signOut: () => Promise<void> = useSignOut();
  const { signIn } = useSignIn();
  if (status === "signed_in") return <button type="button" onClick={() => signOut()}>{user.email + same?.email}</button>;
  return <><p>{status}{typeof signIn}</p><SignInForm onSignedIn={({ email }) => console.log(email)} /></>;
}

console.log(renderToString(<PosternProvider><Home /></PosternProvider>).slice(0, 50));
console.log(renderToString(<PosternProvider initialUser={null}><Home /></PosternProvider>).includes("Password"));
`;

for (const { name } of withFrameworks) {
  test(`the helpers for frameworks compile and run with ${name}`, () => {
    const project = join(folder, name);
    // The types of react-dom are not needed.
    writeFileSync(
      join(project, "react-dom.d.ts"),
      'declare module "react-dom/server" { export function renderToString(node: unknown): string; }',
    );
    writeFileSync(join(project, "with-hono.ts"), honoProgram);
    writeFileSync(join(project, "with-react.tsx"), reactProgram);
    compile(project, ["react-dom.d.ts", "with-hono.ts", "with-react.tsx"], (compiled) => {
      assert.equal(run("node", [join(compiled, "with-hono.js")], { cwd: project }), "401,200 nobody\n");
      const said = run("node", [join(compiled, "with-react.js")], { cwd: project });
      assert.match(said, /^<p>loading.*function<\/p>.*\ntrue\n$/);
    });
  });
}

const nextProgram = `import { NextRequest } from "next/server.js";
import { config, proxy } from "./proxy.js";

const headers = { "sec-fetch-mode": "navigate" };
const response = await proxy(new NextRequest("https://app.example.com/account?tab=1", { headers }));
console.log(config.matcher.length, response?.status, response?.headers.get("location"));
`;

test("the example for Next.js compiles, and Next.js can call it", () => {
  const project = join(folder, "react-19");
  cpSync(join(root, "examples/next"), project, { recursive: true, filter: (path) => !path.endsWith("package.json") });
  writeFileSync(join(project, "visit.ts"), nextProgram);
  const compilerOptions = {
    target: "es2022",
    lib: ["es2022", "dom", "dom.iterable"],
    types: ["node"],
    jsx: "react-jsx",
    module: "esnext",
    moduleResolution: "bundler",
    strict: true,
    // Next.js itself does not compile without it.
    skipLibCheck: true,
    noEmit: true,
  };
  const files = ["visit.ts", "app/layout.tsx", "app/account/page.tsx"];
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  run("tsc", ["-p", project]);
  const bundle = ["--bundle", "--format=esm", "--platform=node", "--external:next", "--outfile=visit.mjs"];
  run("esbuild", ["visit.ts", ...bundle], { cwd: project });
  const said = run("node", ["visit.mjs"], { cwd: project });
  const next = encodeURIComponent("https://app.example.com/account?tab=1");
  assert.equal(said, `2 307 http://localhost:8787/signin?next=${next}\n`);
});

test("importing one entry point costs nothing of the others", () => {
  for (const entry of ["cookies", "next", "verify", "sign-in", "browser"]) {
    run("node", ["-e", `import("postern-client/${entry}")`], { cwd: project });
  }
  for (const entry of ["hono", "react"]) {
    const { status, stderr } = runSilently("node", ["-e", `import("postern-client/${entry}")`], { cwd: project });
    assert.notEqual(status, 0);
    assert.match(stderr, new RegExp(`Cannot find package '${entry}'`));
  }
});
