// Running other programs and telling the person at the terminal what goes on: used by every script, so that all
// of them report, fail and stop in the same way.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

// The project's own programs are on every PATH: among them the Node that wrangler asks for. npm has put them there already.
const programs = join(root, "node_modules", ".bin");
const searched = process.env.PATH?.split(delimiter) ?? [];
if (!searched.includes(programs)) process.env.PATH = [programs, ...searched].join(delimiter);

const onWindows = process.platform === "win32";

/**
 * Returns the program and the arguments to spawn. On Windows the programs of npm packages are `.cmd` files, which only a shell can
 * start, and a shell reads arguments its own way: a path with a space becomes two. So Node runs the package's JavaScript
 * instead, and nothing is ever started through a shell.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {[program: string, args: readonly string[]]}
 */
export function command(program, args) {
  if (!onWindows) return [program, args];
  const file = program === "npm" ? npmScript() : packageProgram(program);
  if (!file) return [program, args];
  return file.endsWith(".exe") ? [file, args] : [process.execPath, [file, ...args]];
}

/** Finds the JavaScript of npm: of the npm that started this script, or of one on the PATH. */
function npmScript() {
  const onPath = searched.map((folder) => join(folder, "node_modules", "npm", "bin", "npm-cli.js"));
  const script = [process.env.npm_execpath ?? "", ...onPath].find(
    (path) => basename(path) === "npm-cli.js" && existsSync(path),
  );
  if (script) return script;
  throw new Failure(
    "npm is missing.",
    "Install Node from https://nodejs.org, which brings npm, open a new terminal, and try again.",
  );
}

/** Finds a program that one of the project's own packages brings. Returns nothing for any other program. */
function packageProgram(program) {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of Object.keys(devDependencies)) {
    const description = join(root, "node_modules", name, "package.json");
    const { bin } = existsSync(description) ? JSON.parse(readFileSync(description, "utf8")) : {};
    const file = typeof bin === "string" ? { [basename(name)]: bin }[program] : bin?.[program];
    if (file) return join(dirname(description), file);
  }
  return undefined;
}

/** An end that is explained: what went wrong, and in one sentence what to do next. */
export class Failure extends Error {
  /**
   * @param {string} problem
   * @param {string} [advice]
   */
  constructor(problem, advice) {
    super(problem);
    this.advice = advice;
  }
}

export function say(message) {
  console.log(`\n› ${message}`);
}

/**
 * Runs a program to its end, its output going straight to the terminal.
 * A signal to this script is handed on, and the script ends when the program has.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ advice?: string, problem?: string } & import("node:child_process").SpawnOptions} [options]
 */
export async function run(program, args, { advice, problem, ...options } = {}) {
  const child = spawn(...command(program, args), { cwd: root, stdio: "inherit", ...options });
  let stopped = false;
  const handOn = (signal) => {
    stopped = true;
    child.kill(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, handOn);

  const [code, signal, error] = await new Promise((resolve) => {
    child.on("error", (error) => resolve([null, null, error]));
    child.on("exit", (code, signal) => resolve([code, signal, null]));
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, handOn);
  if (stopped) throw new Failure("Stopped.");
  if (code === 0) return;
  const how = error
    ? `could not be started (${error.code})`
    : signal
      ? `was ended by ${signal}`
      : `ended with code ${code}`;
  const failure = new Failure(problem ?? `\`${[program, ...args].join(" ")}\` ${how}.`, advice);
  throw Object.assign(failure, { code });
}

/**
 * Runs a short program silently. Returns its output, or null if it is missing or fails.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
export function ask(program, args, options = {}) {
  const result = runSilently(program, args, options);
  return result.status === 0 ? result.stdout.trim() : null;
}

/**
 * Runs a short program silently. Returns what `spawnSync` returns, because a program that fails may have output too.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 * @returns {import("node:child_process").SpawnSyncReturns<string>}
 */
export function runSilently(program, args, options = {}) {
  return spawnSync(...command(program, args), { cwd: root, ...options, encoding: "utf8" });
}

/** The frame of every script: does the work, and turns a failure into words and an exit code. */
export async function main(work) {
  endWithParent();
  try {
    await work();
  } catch (error) {
    explain(error);
    process.exit(1);
  }
}

export function explain(error) {
  console.error(`\n✘ ${error instanceof Failure ? error.message : (error.stack ?? error)}`);
  if (error.advice) console.error(`  ${error.advice}`);
}

/**
 * npm hands a signal to the shell between it and the script, and the shell does not hand it on: without this,
 * ending `npm start` from outside would leave the Worker running.
 */
function endWithParent() {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 500);
  watch.unref();
}
