// The first command in a fresh clone: on the oldest Node that package.json supports, before any package is installed. Also
// how scripts start other programs on Windows, with a simulated platform.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ask } from "../../scripts/lib/run.mjs";
import { cacheFolder } from "../../scripts/lib/tools.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { engines, scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const oldest = `${engines.node.match(/^>=(\d+\.\d+)$/)[1]}.0`;

const folders = [];
let node;
before(() => {
  node = installNode(oldest);
});
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Installs this Node once per machine, in the cache of the build tools, and returns its path. */
function installNode(version) {
  const home = join(cacheFolder(), `node-${version}`);
  const name = [
    process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node",
    process.platform,
    process.arch,
  ].join("-");
  const program = join(home, "node_modules", name, "bin", "node");
  if (!existsSync(program)) {
    mkdirSync(cacheFolder(), { recursive: true });
    const aside = mkdtempSync(`${home}.partial-`);
    const installed = ask("npm", [
      "install",
      "--prefix",
      aside,
      "--no-save",
      "--no-package-lock",
      "--ignore-scripts",
      `${name}@${version}`,
    ]);
    assert.notEqual(installed, null, `npm cannot install ${name}@${version}`);
    if (existsSync(program)) rmSync(aside, { recursive: true, force: true });
    else renameSync(aside, home);
  }
  assert.equal(ask(program, ["--version"]), `v${version}`);
  return program;
}

function folder(name) {
  const path = mkdtempSync(join(tmpdir(), name));
  folders.push(path);
  return path;
}

function writeProgram(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
}

/** A clone with nothing installed, in a folder with spaces in its name. Its `npm ci` installs a Node that only prints its arguments. */
function freshClone() {
  const home = folder("postern first start-");
  const clone = join(home, "clone");
  for (const name of ["scripts", "bench", "tests", "package.json", "package-lock.json"]) {
    cpSync(join(root, name), join(clone, name), { recursive: true, filter: (path) => !path.includes("node_modules") });
  }
  const programs = join(home, "programs");
  writeProgram(
    join(home, "installed", "node"),
    '#!/bin/sh\nfor arg in "$@"; do echo "project node: $arg"; done\nexit 3\n',
  );
  writeProgram(
    join(programs, "npm"),
    `#!/bin/sh\necho "npm $*"\nmkdir -p node_modules/.bin && touch node_modules/.package-lock.json && cp "${home}/installed/node" node_modules/.bin/node\n`,
  );
  const env = { PATH: [dirname(node), programs, "/usr/bin", "/bin"].join(delimiter), HOME: home };
  const run = (command) => spawnSync("/bin/sh", ["-c", command], { cwd: clone, env, encoding: "utf8" });
  return { clone, run };
}

test("each npm script starts on the oldest promised Node without packages and continues on the project's Node", () => {
  const names = Object.keys(scripts).filter((name) => scripts[name].includes("node "));
  assert.ok(names.includes("start") && names.length > 20, names.join(", "));
  const { clone, run } = freshClone();
  for (const name of names) {
    rmSync(join(clone, "node_modules"), { recursive: true, force: true });
    // npm appends the arguments after `--`.
    const { status, stdout, stderr } = run(`${scripts[name]} 'one argument' '--with="quotes"'`);
    assert.equal(stderr, "", name);
    const [, script, ...args] = scripts[name].split(" ").slice(1);
    const started = [join(clone, script), ...args, "one argument", '--with="quotes"'].map(
      (arg) => `project node: ${arg}\n`,
    );
    assert.match(stdout, /^npm ci$/m, name);
    assert.ok(stdout.endsWith(`npm ci\n${started.join("")}`), `${name}: ${stdout}`);
    // The exit code is the script's.
    assert.equal(status, 3, name);
  }
});

test("the first step of .ci/run starts on the oldest promised Node without packages", () => {
  const [, step] = readFileSync(join(root, ".ci", "run"), "utf8").match(/^ {2}if (node .*); then return; fi$/m);
  const { run } = freshClone();
  const { status, stderr } = run(`CHROMIUM=/bin/sh ${step}`);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
});

test("on Windows arguments reach npm and the programs of packages unchanged, without a shell", () => {
  const home = join(folder("postern windows-"), "a folder (with) spaces & more");
  cpSync(join(root, "scripts", "lib", "run.mjs"), join(home, "scripts", "lib", "run.mjs"));
  const tells = "console.log(JSON.stringify(process.argv.slice(2)));";
  const files = {
    "package.json": JSON.stringify({
      type: "module",
      devDependencies: { wrangler: "1", "@example/tool": "1", missing: "1" },
    }),
    "node_modules/wrangler/package.json": JSON.stringify({ bin: { wrangler: "./bin/wrangler.js" } }),
    "node_modules/wrangler/bin/wrangler.js": tells,
    "node_modules/@example/tool/package.json": JSON.stringify({ bin: "tool.js" }),
    "node_modules/@example/tool/tool.js": tells,
    "programs/node_modules/npm/bin/npm-cli.js": tells,
    "windows.mjs": 'Object.defineProperty(process, "platform", { value: "win32" });',
    "caller.mjs": `
      import { ask, run } from "./scripts/lib/run.mjs";
      const args = JSON.parse(process.argv[2]);
      for (const program of ["wrangler", "tool", "npm"]) {
        await run(program, args);
        console.log(ask(program, args));
      }`,
  };
  for (const [path, text] of Object.entries(files)) writeProgram(join(home, path), text);

  const args = [
    "d1",
    "--command",
    `UPDATE users SET name = 'O''Brien & "sons"'; SELECT 100 % 2`,
    "C:\\Program Files\\x\\",
    "%PATH%",
    "^",
    "",
  ];
  const imports = `--import=${pathToFileURL(join(home, "windows.mjs")).href}`;
  const { npm_execpath: _, ...env } = process.env;
  const PATH = [join(home, "programs"), env.PATH].join(delimiter);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [imports, join(home, "caller.mjs"), JSON.stringify(args)],
    {
      env: { ...env, PATH },
      encoding: "utf8",
    },
  );
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
    Array(6).fill(args),
  );
});
