// The settings of local development: what the environment says, else .dev.vars, else wrangler.toml.

import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { root, say } from "./run.mjs";

const devVars = join(root, ".dev.vars");

/** Every setting there is. */
export const settingNames = [
  "ENVIRONMENT",
  "APP_URL",
  "CORS_ORIGINS",
  "SERVICE_NAME",
  "BRAND_COLOR",
  "AUTH_SECRET",
  "AUTH_SECRET_PREVIOUS",
  "MAIL_PROVIDER",
  "MAIL_FROM",
  "RESEND_API_KEY",
  "POSTMARK_SERVER_TOKEN",
  "SENDGRID_API_KEY",
  "MAILGUN_API_KEY",
  "MAILGUN_DOMAIN",
  "MAILGUN_REGION",
  "DEFAULT_ADMIN",
  "ADMIN_EMAIL",
  "ADMIN_PASSWORD",
  "PASSWORD_MIN_LENGTH",
  "BREACHED_PASSWORDS",
  "READ_REPLICAS",
  "ARGON2_MEMORY_KIB",
  "ARGON2_ITERATIONS",
  "ARGON2_PARALLELISM",
  "OTP_LIFETIME_SECONDS",
  "RESET_TOKEN_LIFETIME_SECONDS",
  "SESSION_LIFETIME_SECONDS",
  "SESSION_MAXIMUM_LIFETIME_SECONDS",
  "USER_TOKEN_LIFETIME_DAYS",
  "EVENT_RETENTION_DAYS",
];

/** Makes .dev.vars, or adds what is missing in it: what is there is never changed. */
export function completeDevVars() {
  const isNew = !existsSync(devVars);
  const text = isNew ? "" : readFileSync(devVars, "utf8");
  const present = parseEnv(text);
  const wanted = {
    AUTH_SECRET: randomBytes(48).toString("base64url"),
    ENVIRONMENT: "local",
    MAIL_PROVIDER: "outbox",
    DEFAULT_ADMIN: "open",
  };
  const missing = Object.keys(wanted).filter((name) => !(name in present));
  if (missing.length === 0) return;

  say(
    isNew
      ? "Writing .dev.vars: the settings of this machine, with a random AUTH_SECRET."
      : `Adding ${missing.join(", ")} to .dev.vars.`,
  );
  const introduction = isNew
    ? "# Settings and secrets of local development. Made by `npm start`, ignored by git.\n"
    : text.endsWith("\n")
      ? ""
      : "\n";
  appendFileSync(devVars, introduction + missing.map((name) => `${name}=${wanted[name]}\n`).join(""), { mode: 0o600 });
}

/** The settings that differ from wrangler.toml. */
export function localSettings(defaults) {
  const ofTheEnvironment = Object.fromEntries(
    settingNames.filter((name) => name in process.env).map((name) => [name, process.env[name]]),
  );
  return { ...defaults, ...parseEnv(readFileSync(devVars, "utf8")), ...ofTheEnvironment };
}
