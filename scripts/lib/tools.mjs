// The Rust program that turns the crate into a Worker, and the one that audits it. They are compiled once per machine
// and version into a cache outside the checkout: a second clone, or a clean one, starts at once. No ready-made binary is
// downloaded: cargo checks what it compiles against the checksums of the registry, and a release page offers nothing like it.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { ask, Failure, root, run, say } from "./run.mjs";

const executable = process.platform === "win32" ? ".exe" : "";
export const target = "wasm32-unknown-unknown";

/** In CI, a lock file that does not match Cargo.toml is an error instead of being updated silently. */
export const lockedInCi = process.env.CI ? ["--locked"] : [];

/** Makes sure that the crate can be compiled and packed. Returns the paths and versions that the build needs. */
export async function installTools() {
  await installTarget();
  // It is released in step with the library, and must match it: the lock file is the one place that says so. Its own lock file
  // may name versions that are no longer published.
  const wasmBindgen = {
    name: "wasm-bindgen",
    crate: "wasm-bindgen-cli",
    version: lockedVersion("wasm-bindgen"),
    locked: false,
  };
  return {
    wasmBindgen: await install(wasmBindgen),
    versions: [wasmBindgen.version, ask("rustc", ["--version"])],
  };
}

/** Where cargo-deny is: on the PATH, or in the cache, compiled if need be. */
export async function installCargoDeny() {
  if (ask("cargo-deny", ["--version"]) !== null) return "cargo-deny";
  return install({ name: "cargo-deny", crate: "cargo-deny", version: "0.20.2", locked: true });
}

export async function installTarget() {
  const libraries = ask("rustc", ["--print", "target-libdir", "--target", target]);
  if (libraries === null) {
    throw new Failure("Rust is missing.", "Install it from https://rustup.rs, open a new terminal, and try again.");
  }
  if (existsSync(libraries)) return;
  say(`Adding the Rust target ${target} (some seconds).`);
  await run("rustup", ["target", "add", target], {
    advice: `Give your Rust the target ${target}: with rustup that is \`rustup target add ${target}\`.`,
  });
}

function lockedVersion(crate) {
  const path = join(root, "Cargo.lock");
  const lock = existsSync(path) ? readFileSync(path, "utf8") : "";
  const version = lock.match(new RegExp(`^name = "${crate}"\\r?\\nversion = "([^"]+)"`, "m"))?.[1];
  if (version) return version;
  throw new Failure(`Cargo.lock names no ${crate}.`, "Run `cargo generate-lockfile`, or take Cargo.lock from git.");
}

/** Finds a tool in the cache, or compiles it into the cache. */
async function install(tool) {
  const home = join(cacheFolder(), `${tool.name}-${tool.version}`);
  const program = join(home, "bin", tool.name + executable);
  if (works(program, tool)) return program;

  // Made aside and renamed when complete, so that an interrupted or a simultaneous installation leaves nothing half done.
  mkdirSync(cacheFolder(), { recursive: true });
  const aside = mkdtempSync(`${home}.partial-`);
  try {
    mkdirSync(join(aside, "bin"));
    const made = join(aside, "bin", tool.name + executable);
    await compile(tool, aside);
    if (!works(made, tool)) {
      throw new Failure(
        `${tool.name} ${tool.version} was installed but does not run.`,
        `Run \`${made} --version\` to see why.`,
      );
    }
    if (!works(program, tool)) {
      rmSync(home, { recursive: true, force: true });
      renameSync(aside, home);
    }
    return program;
  } catch (error) {
    // Another clone was faster: what it made is as good.
    if (works(program, tool)) return program;
    throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function works(program, tool) {
  return existsSync(program) && (ask(program, ["--version"]) ?? "").includes(tool.version);
}

async function compile(tool, folder) {
  say(`Compiling ${tool.name} ${tool.version}: once per machine, two to four minutes.`);
  const lock = tool.locked ? ["--locked"] : [];
  await run(
    "cargo",
    [
      "install",
      tool.crate,
      "--version",
      `=${tool.version}`,
      "--bin",
      tool.name,
      "--root",
      folder,
      "--no-track",
      ...lock,
    ],
    {
      // Away from the checkout, whose Cargo settings are meant for the Worker.
      cwd: folder,
      // They run for seconds and are compiled for minutes: optimising them would cost more than it ever returns.
      env: {
        ...process.env,
        // Keeps Cargo from advising to add the folder to the PATH.
        PATH: [process.env.PATH, join(folder, "bin")].join(delimiter),
        CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
        CARGO_PROFILE_RELEASE_LTO: "false",
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "256",
        CARGO_PROFILE_RELEASE_DEBUG: "0",
      },
      advice:
        "If a C compiler is missing, install it (Debian: `apt-get install build-essential`); " +
        `if there is no ${tool.crate} ${tool.version}, pin an existing version in Cargo.toml. Then try again.`,
    },
  );
}

export function cacheFolder() {
  const ofTheSystem = {
    darwin: join(homedir(), "Library", "Caches"),
    win32: process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"),
  }[process.platform];
  return join(process.env.XDG_CACHE_HOME || ofTheSystem || join(homedir(), ".cache"), "postern", "tools");
}
