// The packed client, installed in a project outside this repository: types, exports and behavior.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { root, runSilently } from "../../scripts/lib/run.mjs";
import { signUp } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";

const folder = mkdtempSync(join(tmpdir(), "postern-client-"));
/** A project with nothing but the client. */
const project = join(folder, "alone");
/** Projects with the frameworks, each with another version of React. */
const withFrameworks = [
  { name: "react-19", packages: ["react@19.3.1", "react-dom@19.3.1", "@types/react@19.3.3", "hono@4.13.19"] },
  { name: "react-18", packages: ["react@18.3.1", "react-dom@18.3.1", "@types/react@18.3.27", "hono@4.13.19"] },
];
/** A project with the lowest version of Hono that the client accepts. */
const withOldHono = { name: "hono-4.0", packages: ["hono@4.0.0"] };
/** A project for the example for Next.js. */
const withNext = {
  name: "next",
  packages: [
    "next@16.4.6",
    "react@19.3.1",
    "react-dom@19.3.1",
    "@types/node@22.20.5",
    "@types/react@19.3.3",
    "typescript@5.9.3",
  ],
};
const installed = join(project, "node_modules", "postern-client");

before(() => {
  run("npm", ["pack", "--silent", "--workspace", "postern-client", "--pack-destination", folder]);
  const [tarball] = readdirSync(folder);
  const install = (at, packages) => {
    mkdirSync(at);
    writeFileSync(join(at, "package.json"), JSON.stringify({ name: "outside", private: true, type: "module" }));
    const quietly = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    run("npm", ["install", ...quietly, join(folder, tarball), ...packages], { cwd: at });
  };
  install(project, []);
  for (const { name, packages } of [...withFrameworks, withOldHono]) install(join(folder, name), packages);
  install(join(folder, withNext.name), withNext.packages);
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
      "dist/sign-in-page.d.ts",
      "dist/sign-in-page.js",
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

/** How bundlers and Node find modules. */
const resolutions = [
  ["preserve", "bundler"],
  ["nodenext", "nodenext"],
];

/** Type-checks and compiles files strictly, with each way to find modules. Calls `then` with each result. */
function compile(project, files, then = (_) => {}, { ways = resolutions, skipLibCheck = false } = {}) {
  for (const [module, moduleResolution] of ways) {
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
      skipLibCheck,
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

// The types of react-dom are not needed.
const reactDom = 'declare module "react-dom/server" { export function renderToString(node: unknown): string; }';
const reactDomClient =
  'declare module "react-dom/client" { export function hydrateRoot(at: unknown, node: unknown): void; }';

for (const { name } of withFrameworks) {
  test(`the helpers for frameworks compile and run with ${name}`, () => {
    const project = join(folder, name);
    writeFileSync(join(project, "react-dom.d.ts"), reactDom);
    writeFileSync(join(project, "with-hono.ts"), honoProgram);
    writeFileSync(join(project, "with-react.tsx"), reactProgram);
    compile(project, ["react-dom.d.ts", "with-hono.ts", "with-react.tsx"], (compiled) => {
      assert.equal(run("node", [join(compiled, "with-hono.js")], { cwd: project }), "401,200 nobody\n");
      const said = run("node", [join(compiled, "with-react.js")], { cwd: project });
      assert.match(said, /^<p>loading.*function<\/p>.*\ntrue\n$/);
    });
  });
}

/** What the examples of the documents use without declaring it. */
const context = `import type { Postern } from "postern-client";

declare global {
  const postern: Postern;
  const request: Request;
  const APP_URL: string;
  const code: string, email: string, password: string, token: string;
  function post(path: string, body?: object): Promise<any>;
}
`;

/** A document whose example is wrong. It compiles only if the examples are not type-checked. */
const wrongDocument = `
\`\`\`ts
// @ts-expect-error There is no such function.
import { signIn, signOn } from "postern-client/sign-in";

// @ts-expect-error The field has another name.
await signIn(postern, { email, secret: password });
\`\`\`
`;

/**
 * Writes the examples of a document to files, and returns their names. One without exports becomes the body of a function, because it
 * may `return`. Leaves out JavaScript without imports, which has nothing of the client, and whole files of `examples`, which other
 * tests run.
 */
function writeExamples(project, document, text = readFileSync(document, "utf8")) {
  const blocks = [...text.matchAll(/(<!-- The code of .*? -->\n\n)?^```(tsx?|jsx?)\n(.*?)^```$/gms)];
  return blocks.flatMap(({ 1: isFile, 2: language, 3: code, index }) => {
    const imports = code.match(/^(\/\/ @ts-.*\n)?import [^;]*;\n/gm) ?? [];
    if (isFile || (language.startsWith("j") && imports.length === 0)) return [];
    const line = text.slice(0, index).split("\n").length;
    const name = `${relative(root, document).replaceAll(/[^A-Za-z-]/g, "_")}_line_${line}.${language.replace("j", "t")}`;
    const body = imports.reduce((rest, line) => rest.replace(line, ""), code);
    const isModule = /^export /m.test(code);
    writeFileSync(
      join(project, name),
      isModule ? code : `${imports.join("")}export async function example() {\n${body}}\n`,
    );
    return [name];
  });
}

/** Returns whether an example needs Next.js itself. */
function isOfNext(project, name) {
  return readFileSync(join(project, name), "utf8").includes('from "next/');
}

/** Every document with examples. */
function documents() {
  const inFolder = (folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  const paths = ["docs", "examples"].flatMap((folder) => inFolder(folder).map((path) => join(root, folder, path)));
  const others = ["README.md", "clients/typescript/README.md"].map((path) => join(root, path));
  return [...others, ...paths.filter((path) => path.endsWith(".md") && !path.includes("node_modules"))];
}

test("the examples of the documents, and the one for React, compile", () => {
  const project = join(folder, "react-19");
  writeFileSync(join(project, "context.d.ts"), context);
  writeFileSync(join(project, "react-dom-client.d.ts"), reactDomClient);
  cpSync(join(root, "examples/react/src"), join(project, "example"), { recursive: true });
  const wrong = writeExamples(project, join(root, "wrong"), wrongDocument);
  assert.equal(wrong.length, 1);
  const examples = documents().flatMap((document) => writeExamples(project, document));
  const ofReadme = examples.filter((name) => name.startsWith("clients_typescript_README"));
  assert.ok(ofReadme.length > 5 && examples.length > ofReadme.length, examples.join());
  const files = [...examples.filter((name) => !isOfNext(project, name)), ...wrong];
  const ofReact = ["example/browser.tsx", "example/server.tsx", "react-dom.d.ts", "react-dom-client.d.ts"];
  compile(project, ["context.d.ts", ...files, ...ofReact], undefined, { ways: [resolutions[0]] });
});

test("the helper for Hono runs with the lowest version of Hono", () => {
  const project = join(folder, withOldHono.name);
  writeFileSync(join(project, "with-hono.ts"), honoProgram);
  // The types of this version contradict each other.
  const then = (compiled) =>
    assert.equal(run("node", [join(compiled, "with-hono.js")], { cwd: project }), "401,200 nobody\n");
  compile(project, ["with-hono.ts"], then, { ways: [resolutions[1]], skipLibCheck: true });
});

describe("the example for Next.js", () => {
  const project = join(folder, withNext.name);
  let postern;
  let app;
  after(async () => {
    app?.kill();
    await postern?.stop();
  });

  test("it builds, with the examples of the README", () => {
    cpSync(join(root, "examples/next"), project, {
      recursive: true,
      filter: (path) => !/package\.json$|node_modules/.test(path),
    });
    const examples = writeExamples(project, join(root, "clients/typescript/README.md"));
    const others = examples.filter((name) => !isOfNext(project, name));
    assert.equal(examples.length - others.length, 1);
    for (const name of others) rmSync(join(project, name));
    // Next.js adds what it needs.
    const compilerOptions = { strict: true, skipLibCheck: true };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    run("npx", ["--no-install", "next", "build"], {
      cwd: project,
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
    });
  });

  test("it sends visitors to the sign-in page, and knows users", async () => {
    postern = await startPostern();
    const { token, user } = await signUp(postern, "ada@example.com");
    app = spawn(process.execPath, ["node_modules/next/dist/bin/next", "start", "-H", "localhost", "-p", "0"], {
      cwd: project,
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", POSTERN_URL: postern.url },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let url;
    for await (const line of createInterface({ input: app.stdout })) {
      url ??= line.match(/http:\S+/)?.[0];
      if (line.includes("Ready")) break;
    }
    assert.ok(url, "Next.js has ended");
    app.stdout.resume();

    /** Visits a page like a browser: `fetch` would say `Sec-Fetch-Mode: cors`. */
    const visit = async (path, headers = {}) => {
      const [response] = await once(
        get(`${url}${path}`, { headers: { "sec-fetch-mode": "navigate", ...headers } }),
        "response",
      );
      return { status: response.statusCode, location: response.headers.location, text: await text(response) };
    };
    const away = await visit("/account?tab=1");
    const next = encodeURIComponent(`${url}/account?tab=1`);
    assert.deepEqual([away.status, away.location], [307, `${postern.url}/signin?next=${next}`]);
    assert.equal((await visit("/api/private/thing", { "sec-fetch-mode": "cors" })).status, 401);
    const page = await visit("/account", { cookie: `local-session=${token}` });
    assert.equal(page.status, 200);
    assert.ok(page.text.includes(`You are user ${user.id}.`));
    assert.equal((await visit("/account", { cookie: "local-session=nonsense" })).status, 307);
  });
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
