// The settings of a deployment, and what happens if they are wrong.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { unstable_readConfig } from "wrangler";
import {
  PASSWORD,
  adminToken,
  assertConventions,
  login,
  mail,
  me,
  ok,
  refused,
  send,
  signUp,
  userToken,
} from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

/** The settings that a deployed environment needs in addition to wrangler.toml. */
const deployed = {
  ENVIRONMENT: "production",
  AUTH_SECRET: "a-secret-of-a-deployment-that-is-none",
  APP_URL: "https://app.example",
  MAIL_PROVIDER: "resend",
  MAIL_FROM: "Postern <noreply@app.example>",
  RESEND_API_KEY: "re_a_key_that_is_no_key",
  DEFAULT_ADMIN: "restricted",
};

const paths = ["/api/auth/login", "/api/auth/me", "/api/auth/jwks", "/health", "/dev/outbox", "/nothing/here"];

describe("a deployed environment with wrong settings", () => {
  const wrong = {
    ...deployed,
    AUTH_SECRET: "too-short-a-secret",
    AUTH_SECRET_PREVIOUS: "another-short-one",
    APP_URL: "http://app.example",
    MAIL_PROVIDER: "outbox",
    DEFAULT_ADMIN: "open",
    SESSION_LIFETIME_SECONDS: "a week",
    ARGON2_MEMORY_KIB: "1024",
    ADMIN_PASSWORD: "the password of the first admin",
  };
  let postern;
  before(async () => {
    postern = await startPostern({ settings: wrong });
  });
  after(() => postern?.stop());

  test("answers every path with 503 and only a request id", async () => {
    const bodies = new Set();
    for (const method of ["GET", "POST", "HEAD", "OPTIONS"]) {
      for (const path of paths) {
        const answer = await send(postern, method, path);
        assertConventions(answer);
        assert.equal(answer.status, 503, answer.what);
        if (method === "HEAD") continue;
        const id = answer.headers.get("x-request-id");
        assert.equal(answer.body.code, "unavailable");
        assert.ok(answer.body.error.includes(id), answer.body.error);
        bodies.add(answer.text.replace(id, ""));
      }
    }
    assert.equal(bodies.size, 1);
    assert.doesNotMatch([...bodies][0], /sett|secret|[A-Z]+_[A-Z]+/);
  });

  test("logs all problems together in one JSON line without secrets", () => {
    const [line, ...others] = postern.logs();
    assert.deepEqual(others, []);
    assert.doesNotMatch(line, /\n/);
    const { event, problems, ...rest } = JSON.parse(line);
    assert.deepEqual([event, rest], ["settings", {}]);
    assert.deepEqual(
      problems.map(({ setting, kind }) => [setting, kind]),
      [
        ["APP_URL", "invalid"],
        ["AUTH_SECRET", "invalid"],
        ["AUTH_SECRET_PREVIOUS", "invalid"],
        ["MAIL_PROVIDER", "invalid"],
        ["DEFAULT_ADMIN", "invalid"],
        ["ADMIN_EMAIL", "missing"],
        ["ARGON2_MEMORY_KIB", "invalid"],
        ["SESSION_LIFETIME_SECONDS", "invalid"],
      ],
    );
    for (const { setting, message } of problems) assert.ok(message.startsWith(`${setting} `), message);
    for (const name of ["AUTH_SECRET", "AUTH_SECRET_PREVIOUS", "ADMIN_PASSWORD", "RESEND_API_KEY"]) {
      assert.ok(!postern.lines().join("\n").includes(wrong[name]), `the log tells ${name}`);
    }
  });

  test("writes nothing, and works once the settings are fixed", async () => {
    refused(await login(postern, "admin", "admin"), 503, "unavailable");
    assert.deepEqual(await postern.sql("SELECT id FROM users"), []);
    const fixed = Object.fromEntries(Object.keys(wrong).map((name) => [name, deployed[name]]));
    await postern.restart({ settings: fixed });
    ok(await send(postern, "GET", "/health"));
    ok(await login(postern, "admin", "admin"));
  });
});

test("secrets have no default, not even in local development", async () => {
  const postern = await startPostern({ settings: { AUTH_SECRET: undefined } });
  try {
    refused(await login(postern, "admin", "admin"), 503, "unavailable");
    assert.match(postern.logs().join("\n"), /AUTH_SECRET is missing/);
  } finally {
    await postern.stop();
  }
});

test("a deployment with only the settings of wrangler.toml does not serve without its secrets", async () => {
  // Only the settings of wrangler.toml.
  const local = ["ENVIRONMENT", "AUTH_SECRET", "MAIL_PROVIDER", "DEFAULT_ADMIN", "APP_URL"];
  const settings = Object.fromEntries(local.map((name) => [name, undefined]));
  const postern = await startPostern({ settings });
  try {
    refused(await send(postern, "GET", "/health"), 503, "unavailable");
    const [line] = postern.logs();
    for (const name of ["AUTH_SECRET", "APP_URL", "MAIL_FROM", "RESEND_API_KEY"]) assert.ok(line.includes(name), line);
  } finally {
    await postern.stop();
  }
});

describe("a deployed environment with valid settings", () => {
  let postern;
  before(async () => {
    postern = await startPostern({ settings: deployed, outbound: () => Response.json({ id: "1" }) });
  });
  after(() => postern?.stop());

  test("has no outbox, and answers its path like any unknown path", async () => {
    for (const path of ["/dev/outbox", "/dev/nothing"]) refused(await send(postern, "GET", path), 404, "not_found");
  });

  test("issues tokens for APP_URL, not for the Host header", async () => {
    const token = await adminToken(postern);
    const { iss, aud } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
    assert.deepEqual([iss, aud], ["https://app.example", "https://app.example"]);
  });

  test("lets the default admin do nothing before a password change", async () => {
    const { token, must_change_password } = ok(await login(postern, "admin", "admin"));
    assert.equal(must_change_password, true);
    ok(await me(postern, token));
    for (const [method, path] of [
      ["POST", "/api/auth/me/create-token"],
      ["GET", "/api/auth/me/tokens"],
      ["GET", "/api/auth/me/sessions"],
      ["PUT", "/api/auth/me/name"],
      ["POST", "/api/auth/me/send-otp"],
      ["POST", "/api/auth/me/send-invite"],
      ["DELETE", "/api/auth/me"],
    ]) {
      refused(await send(postern, method, path, { token }), 403, "password_change_required");
    }
    const json = { old_password: "admin", new_password: PASSWORD };
    ok(await send(postern, "PUT", "/api/auth/me/password", { token, json }));
    ok(await send(postern, "POST", "/api/auth/me/create-token", { token }));
    refused(await login(postern, "admin", "admin"), 401, "wrong_credentials");
    assert.ok(!("must_change_password" in ok(await login(postern, "admin", PASSWORD))));
  });
});

describe("custom settings of a deployment", () => {
  let postern;
  before(async () => {
    postern = await startPostern({
      settings: {
        ADMIN_EMAIL: " Root@Example.com ",
        ADMIN_PASSWORD: " a password for root ",
        SERVICE_NAME: "Difference Engine",
        APP_URL: "https://app.example/accounts/",
        PASSWORD_MIN_LENGTH: "12",
        SESSION_LIFETIME_SECONDS: "120",
        USER_TOKEN_LIFETIME_DAYS: "2",
        ARGON2_ITERATIONS: "3",
      },
    });
  });
  after(() => postern?.stop());

  const root = async () => ok(await login(postern, "root@example.com", " a password for root "));

  test("create a different first account instead of the default one", async () => {
    const { user, ...rest } = await root();
    assert.deepEqual([user.email, user.role, "must_change_password" in rest], ["root@example.com", "admin", false]);
    refused(await login(postern, "admin", "admin"), 401, "wrong_credentials");
    refused(await login(postern, "root@example.com", "a password for root"), 401, "wrong_credentials");
    assert.equal((await postern.sql("SELECT id FROM users")).length, 1);
  });

  test("set the lifetimes of sessions and tokens and the cost of a password hash", async () => {
    const { token } = await root();
    const { iat, exp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
    assert.equal(exp - iat, 120);
    await userToken(postern, token);
    const [{ created_at, expires_at }] = ok(await send(postern, "GET", "/api/auth/me/tokens", { token }));
    assert.equal(expires_at - created_at, 2 * 86_400_000);
    const [{ password_hash }] = await postern.sql("SELECT password_hash FROM users");
    assert.match(password_hash, /^\$argon2id\$v=19\$m=19456,t=3,p=1\$/);
  });

  test("set the password rules and the name of the service", async () => {
    const { token } = await root();
    const put = (new_password) => {
      const json = { old_password: " a password for root ", new_password };
      return send(postern, "PUT", "/api/auth/me/password", { token, json });
    };
    assert.match(refused(await put("11 of these"), 422, "invalid_fields").error, /at least 12 characters/);
    refused(await put("difference engine"), 422, "invalid_fields");
    ok(await send(postern, "POST", "/api/auth/me/send-invite", { token, json: { email: "ada@example.com" } }));
    const { subject, text } = await mail(postern, "ada@example.com", /invited/);
    assert.equal(subject, "You are invited to Difference Engine");
    assert.match(text, /\nhttps:\/\/app\.example\/accounts\/signup\?referrer=/);
  });
});

test("the first account is created only in an empty database", async () => {
  const postern = await startPostern();
  try {
    const { user } = await signUp(postern, "ada@example.com");
    await postern.restart({ settings: { ADMIN_EMAIL: "root@example.com", ADMIN_PASSWORD: PASSWORD } });
    refused(await login(postern, "root@example.com"), 401, "wrong_credentials");
    ok(await login(postern, "admin", "admin"));
    ok(await login(postern, user.email));
  } finally {
    await postern.stop();
  }
});

test("no deployment lets Cloudflare log requests, whose URLs and headers can contain secrets", () => {
  const config = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
  for (const env of [undefined, "staging"]) {
    const { observability } = unstable_readConfig({ config, env }, { hideWarnings: true });
    assert.equal(observability.logs.invocation_logs, false, env);
  }
});
