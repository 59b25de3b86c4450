// The settings: which there are, and their values in local development.

import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { root, say } from "./run.mjs";

const devVars = join(root, ".dev.vars");

/**
 * All settings, from src/settings/table.rs by `npm run configuration`. `local` is the default in local development.
 *
 * @type {{name: string, secret: boolean, local?: string, choices?: string[]}[]}
 */
const settings = JSON.parse(readFileSync(new URL("settings.json", import.meta.url), "utf8"));

/** Returns the setting of this name. In the table, `<NAME>` stands for the name of an OpenID Provider. */
function find(name) {
  return settings.find((setting) => setting.name === name || pattern(setting)?.test(name));
}

function pattern({ name }) {
  return name.includes("<NAME>") ? new RegExp(`^${name.replace("<NAME>", "([A-Z][A-Z0-9_]*)")}$`) : undefined;
}

/** Returns whether there is a setting of this name. */
export function isSetting(name) {
  return find(name) !== undefined;
}

/** Returns a setting. Throws if there is none of this name. */
export function settingOf(name) {
  const setting = find(name);
  if (!setting) throw new Error(`Unknown setting: ${name}.`);
  return setting;
}

/** Returns whether nobody may read a setting once it is set, not even people with access to the account. */
export function isSecret(name) {
  return find(name)?.secret ?? false;
}

/**
 * Returns the problems of settings for OpenID Providers that the Worker would not read: misspelled ones, and those of a provider that
 * is not in IDENTITY_PROVIDERS.
 *
 * @param {string[]} names The names of all variables.
 * @param {string} [providers] The value of IDENTITY_PROVIDERS.
 */
export function strayProviderSettings(names, providers = "") {
  const own = ["GOOGLE", "GITHUB", "APPLE", "MICROSOFT"];
  const known = providers
    .split(",")
    .map((name) => name.trim().toUpperCase())
    .filter((name) => name && !own.includes(name));
  const invalid = (setting, message) => ({ setting, kind: "invalid", message: `${setting} ${message}` });
  return names
    .filter((name) => name.startsWith("OIDC_"))
    .flatMap((name) => {
      const setting = find(name);
      const provider = setting && pattern(setting)?.exec(name)?.[1];
      if (provider && own.includes(provider))
        return [invalid(name, `is no setting: ${provider.toLowerCase()} has settings of its own, ${provider}_…`)];
      if (provider && !known.includes(provider))
        return [invalid(name, `is for a provider that is not in IDENTITY_PROVIDERS: ${provider.toLowerCase()}`)];
      const misspelled = !setting && known.some((provider) => name.startsWith(`OIDC_${provider}_`));
      return misspelled
        ? [invalid(name, "is no setting. docs/configuration.md lists those of an OpenID Provider")]
        : [];
    });
}

/** Creates .dev.vars, or adds the lines that are missing. Never changes existing lines. */
export function completeDevVars() {
  const isNew = !existsSync(devVars);
  const text = isNew ? "" : readFileSync(devVars, "utf8");
  const present = parseEnv(text);
  const wanted = {
    AUTH_SECRET: randomBytes(48).toString("base64url"),
    ENVIRONMENT: "local",
    MAIL_PROVIDER: settingOf("MAIL_PROVIDER").local,
    DEFAULT_ADMIN: settingOf("DEFAULT_ADMIN").local,
  };
  const missing = Object.keys(wanted).filter((name) => !(name in present));
  if (missing.length === 0) return;

  say(
    isNew
      ? "Creating .dev.vars with the settings for local development and a random AUTH_SECRET."
      : `Adding ${missing.join(", ")} to .dev.vars.`,
  );
  const introduction = isNew
    ? "# Settings and secrets for local development. Created by `npm start`, ignored by git.\n"
    : text.endsWith("\n")
      ? ""
      : "\n";
  appendFileSync(devVars, introduction + missing.map((name) => `${name}=${wanted[name]}\n`).join(""), { mode: 0o600 });
}

/** Returns the settings: those of the environment, then those of .dev.vars, then `defaults`. */
export function localSettings(defaults) {
  const fromEnvironment = Object.fromEntries(Object.entries(process.env).filter(([name]) => isSetting(name)));
  const fromFile = existsSync(devVars) ? parseEnv(readFileSync(devVars, "utf8")) : {};
  return { ...defaults, ...fromFile, ...fromEnvironment };
}
