// `npm run bench:kdf`: compares a password hash with libargon2, and a signature with the request that verifies it. The
// contestants take turns within a round. Measures CPU time if the system reports it per process, otherwise elapsed time.
// `--quick` runs fewer rounds. Writes a record to bench/records/kdf.

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release, type } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "../scripts/build.mjs";
import { processor } from "../scripts/lib/processor.mjs";
import { ask, Failure, main, root, run, say } from "../scripts/lib/run.mjs";
import { lockedInCi } from "../scripts/lib/tools.mjs";

const isQuick = process.argv.includes("--quick");
const rounds = isQuick ? 10 : 60;
const warmUp = 5;
const costs = [
  { memoryKib: 19_456, iterations: 2 },
  { memoryKib: 47_104, iterations: 1 },
];
/** The parameters of Better Auth. */
const scrypt = [16_384, 16, 1];
/** Hashes, signatures and requests of one turn. */
const [hashes, signatures, requests] = [2, 200, 50];
const folder = join(root, "target", "bench");
const countsCpu = hasSchedstat();

await main(async () => {
  mkdirSync(folder, { recursive: true });
  const began = new Date().toISOString();
  const native = [await startLibargon2(), await startNativeCrate()];
  await build();
  // The packages are installed now.
  const { startPrimitives } = await import("../tests/workerd/support/primitives.mjs");
  const primitives = await startPrimitives();
  try {
    const passwords = [];
    for (const cost of costs) passwords.push(await comparePasswords(cost, native, primitives));
    const tokens = await compareTokens(primitives);
    const record = { began, ...circumstances(), passwords, tokens };
    tell(record);
    const records = join(root, "bench", "records", "kdf");
    mkdirSync(records, { recursive: true });
    const path = join(records, `${began.replaceAll(":", "-").slice(0, 19)}.json`);
    const rounded = (_, value) => (typeof value === "number" ? Number(value.toFixed(3)) : value);
    writeFileSync(path, `${JSON.stringify(record, rounded)}\n`);
    say(`Wrote ${path.slice(root.length)}.`);
  } finally {
    await primitives.stop();
    for (const { stop } of native) stop();
  }
});

async function startLibargon2() {
  const program = join(folder, "libargon2");
  const compile = (library) => ask("cc", ["-O2", "-o", program, join("bench", "kdf", "libargon2.c"), library]);
  if (compile("-largon2") === null && compile("-l:libargon2.so.1") === null) {
    throw new Failure(
      "libargon2 or a C compiler is missing. Every ratio compares with libargon2.",
      "Install them: `apt-get install gcc libargon2-1` on Debian or Ubuntu, `brew install argon2` on macOS.",
    );
  }
  return startProgram("libargon2, native", program);
}

async function startNativeCrate() {
  say("Building the argon2 crate natively (a few seconds).");
  const manifest = join("bench", "kdf", "Cargo.toml");
  const args = ["build", "--quiet", ...lockedInCi, "--release", "--manifest-path", manifest, "--target-dir", folder];
  await run("cargo", args, { advice: "Fix the problems above and try again." });
  return startProgram("argon2 crate, native", join(folder, "release", "native"));
}

/** Starts a program that runs the command on each line and then prints a line. */
function startProgram(name, program) {
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    name,
    pid: child.pid,
    stop: () => child.stdin.end(),
    async hash(count, { memoryKib, iterations }) {
      child.stdin.write(`${count} ${memoryKib} ${iterations}\n`);
      if ((await answers.next()).value !== "done") throw new Failure(`${name} ended too early.`, "Try again.");
    },
  };
}

async function comparePasswords(cost, native, { pid, call }) {
  const { memoryKib, iterations } = cost;
  const contestants = [
    ...native.map(({ name, pid, hash }) => ({ name, pid, work: () => hash(hashes, cost) })),
    {
      name: "argon2 crate, workerd",
      pid,
      work: () => call("hash_passwords_with_the_crate", hashes, memoryKib, iterations),
    },
    { name: "Postern, workerd", pid, work: () => call("hash_passwords", hashes, memoryKib, iterations) },
    { name: `scrypt ${scrypt}, workerd`, pid, work: () => call("scrypt", hashes, ...scrypt) },
  ];
  const measured = await takeTurns(`argon2id m=${memoryKib},t=${iterations},p=1`, contestants, hashes);
  return { ...cost, milliseconds: measured };
}

async function compareTokens({ pid, call }) {
  const { startPostern } = await import("../tests/workerd/support/postern.mjs");
  const { adminToken, me, ok } = await import("../tests/workerd/support/client.mjs");
  const postern = await startPostern();
  try {
    const token = await adminToken(postern);
    const check = async () => {
      for (let number = 0; number < requests; number++) ok(await me(postern, token));
    };
    const microseconds = (values) => values.map((value) => value * 1000);
    const signed = await takeTurns(
      "session tokens",
      [
        { name: "sign", pid, work: () => call("sign_tokens", signatures) },
        { name: "verify", pid, work: () => call("verify_tokens", signatures) },
        { name: "sign with ES256", pid, work: () => call("sign_tokens_with_es256", signatures) },
        { name: "verify with ES256", pid, work: () => call("verify_tokens_with_es256", signatures) },
        { name: "verify one that came before", pid, work: () => call("verify_remembered_tokens", signatures) },
      ],
      signatures,
    );
    const asked = await takeTurns("session checks", [{ name: "GET /me", pid: postern.pid, work: check }], requests);
    return Object.fromEntries(
      Object.entries({ ...signed, ...asked }).map(([name, values]) => [name, microseconds(values)]),
    );
  } finally {
    await postern.stop();
  }
}

/** Measures the milliseconds of each contestant in each round, for one of the `count` operations of a turn. */
async function takeTurns(what, contestants, count) {
  say(`${what}: ${rounds} rounds.`);
  const measured = Object.fromEntries(contestants.map(({ name }) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const { name, pid, work } of contestants) {
      const before = clock(pid);
      await work();
      const took = clock(pid) - before;
      if (round >= 0) measured[name].push(took / count);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r  round ${Math.max(round + 1, 0)} of ${rounds}`);
    else if (round > 0 && round % 20 === 0) console.log(`  round ${round} of ${rounds}`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return measured;
}

/** Returns the CPU time of all threads of a process in milliseconds on Linux, otherwise the elapsed time. */
function clock(pid) {
  if (!countsCpu) return performance.now();
  const threads = join("/proc", String(pid), "task");
  // The first of three numbers is nanoseconds on a processor (Documentation/scheduler/sched-stats.rst of Linux).
  return readdirSync(threads).reduce(
    (sum, id) => sum + Number(readFileSync(join(threads, id, "schedstat"), "utf8").split(" ")[0]) / 1e6,
    0,
  );
}

function hasSchedstat() {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[0]) > 0;
  } catch {
    return false;
  }
}

function circumstances() {
  const version = (name) => JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;
  const argon2 = readFileSync(join(root, "Cargo.lock"), "utf8").match(/name = "argon2"\nversion = "([^"]+)"/)?.[1];
  return {
    measure: countsCpu ? "CPU time" : "elapsed time",
    rounds,
    machine: { system: `${type()} ${release()} ${arch()}`, processor: processor(), processors: cpus().length },
    versions: {
      workerd: version("workerd"),
      argon2,
      rustc: ask("rustc", ["--version"])?.split(" ")[1],
      libargon2: libargon2Version(),
    },
  };
}

/** Returns the version according to the package manager, if it is a known one. */
function libargon2Version() {
  return (
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query reads it.
    ask("dpkg-query", ["-W", "-f", "${Version}", "libargon2-1"]) ??
    ask("pkg-config", ["--modversion", "libargon2"]) ??
    "unknown"
  );
}

/** Returns the lowest tenth: the result if nothing else keeps the machine busy. */
function lowestTenth(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)];
}

/** Returns the ratio of the lowest tenths, and the middle half of the ratios of all rounds. */
function ratio(ours, theirs) {
  const byRound = ours.map((value, round) => value / theirs[round]).toSorted((a, b) => a - b);
  const at = (share) => byRound[Math.round((byRound.length - 1) * share)].toFixed(2);
  return `${(lowestTenth(ours) / lowestTenth(theirs)).toFixed(2)} (rounds: ${at(0.25)} to ${at(0.75)})`;
}

function tell({ measure, machine, versions, passwords, tokens }) {
  say(`${measure}, lowest tenth of ${rounds} rounds; ${machine.processor}, ${machine.system}`);
  console.log(
    `  ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
  );
  for (const { memoryKib, iterations, milliseconds } of passwords) {
    console.log(`\n  a hash at argon2id m=${memoryKib},t=${iterations},p=1, and against libargon2`);
    const [[, theirs]] = Object.entries(milliseconds);
    for (const [name, values] of Object.entries(milliseconds)) {
      console.log(`  ${name.padEnd(28)} ${lowestTenth(values).toFixed(1).padStart(7)} ms  ${ratio(values, theirs)}`);
    }
  }
  console.log("\n  a session token, and against the whole of GET /me");
  for (const [name, values] of Object.entries(tokens)) {
    console.log(
      `  ${name.padEnd(28)} ${lowestTenth(values).toFixed(0).padStart(7)} µs  ${ratio(values, tokens["GET /me"])}`,
    );
  }
}
