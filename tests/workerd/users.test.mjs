// Imports and exports users with the functions behind `npm run users`, then signs in at the built Worker.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { exportUsers, importUsers } from "../../scripts/lib/users/move.mjs";
import { columns, readHashConfig } from "../../scripts/lib/users/origin.mjs";
import { readRecords } from "../../scripts/lib/users/read.mjs";
import { loadRules } from "../../scripts/lib/users/rules.mjs";
import { credentialColumns } from "../../scripts/lib/users/credentials.mjs";
import { writeUsers } from "../../scripts/lib/users/write.mjs";
import { PASSWORD, login, me, ok, refused, send } from "./support/client.mjs";
import { authSecret, startPostern } from "./support/postern.mjs";
import { totp } from "./support/totp.mjs";

let postern;
let folder;
let database;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-users-"));
  postern = await startPostern();
  database = postern.database;
});
after(async () => {
  await postern?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Hashes of PASSWORD, as various libraries make them. */
const made = {
  // passlib 1.7.4, with the settings of lightnovel-crawler.
  passlib: "$argon2id$v=19$m=65536,t=3,p=4$KCWEkNL6n5MyhlCKkbKWUg$s/1Bjocq/NR7eBhabiQla2cm06wo/XrBrN5UiG+D/sk",
  // better-auth 1.7.25.
  betterAuth:
    "56cce141f34e103398212b61dbdf0e26:5c11875a09c403f745d71462a3b846f466b263a78569526068e09669521f0780a9e9d7a89f7dff2067af33c3aec5475ec8665b7ad5f723a39fcee77bcc9a1838",
  // bcrypt 4.3.0, with the prefix of Go's bcrypt, which Supabase uses.
  bcrypt: "$2a$10$11g6KZ5I3sK3SZDpEXwqEePXe8bgh245xRGmy7orU51WLJyg7hDDa",
  // firebase-scrypt 2.2.0, with the signer key of the example in the README of firebase/scrypt.
  firebase: {
    salt: "c2FsdGVkIQ==",
    passwordHash: "f2W9nITy467b_wWspQgVy2AwpyXi6mhKtn4eD7VZllTLdTIsSqB2KWG3dghZsE7MmqVASdA8elGk6P-a5lK3bw==",
    hashConfig: `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}`,
  },
};

async function file(name, text) {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function lines(name, users) {
  return file(name, users.map((user) => `${typeof user === "string" ? user : JSON.stringify(user)}\n`).join(""));
}

async function imported(path, options = {}) {
  const problems = [];
  const onInvalid = (place, problem) => problems.push(`${place}: ${problem}`);
  const count = await importUsers(database, () => readRecords(path), { onInvalid, ...options });
  return { count, problems };
}

async function row(email) {
  const [row] = await postern.sql("SELECT * FROM users WHERE email = ?", email);
  return row;
}

/** Signs in an imported user twice: with the imported hash, then with the upgraded one. */
async function signsIn(email) {
  refused(await login(postern, email, `${PASSWORD} `), 401, "wrong_credentials");
  ok(await login(postern, email));
  assert.match((await row(email)).password_hash, /^\$argon2id\$v=19\$m=(19456,t=2|65536,t=3),/);
  refused(await login(postern, email, `${PASSWORD} `), 401, "wrong_credentials");
  return ok(await login(postern, email));
}

test("users of lightnovel-crawler keep their passwords and all other data", async () => {
  const path = join(folder, "crawler.sqlite");
  const crawler = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  // The schema that SQLModel generates: roles by name, and JSON in a plain column.
  crawler.exec(`CREATE TABLE users (
    id VARCHAR NOT NULL PRIMARY KEY, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, extra JSON,
    referrer_id VARCHAR REFERENCES users (id) ON DELETE SET NULL, password VARCHAR NOT NULL, email VARCHAR NOT NULL UNIQUE,
    name VARCHAR, role VARCHAR(5) NOT NULL, tier SMALLINT NOT NULL, is_active BOOLEAN NOT NULL, is_verified BOOLEAN DEFAULT 0 NOT NULL)`);
  const insert = crawler.prepare("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const invited = "0198a1b2c3d4";
  const admin = "0298a1b2c3d4";
  insert.run(
    invited,
    1_700_000_000_001,
    1_710_000_000_000,
    '{"theme": "dark"}',
    admin,
    made.passlib,
    "Reader@Example.com",
    "Reader",
    "USER",
    2,
    1,
    1,
  );
  insert.run(
    admin,
    1_690_000_000_000,
    1_690_000_000_001,
    "null",
    null,
    made.passlib,
    "owner@example.com",
    null,
    "ADMIN",
    0,
    1,
    0,
  );
  crawler.close();

  const { count, problems } = await imported(path);
  assert.deepEqual(count, {
    imported: 2,
    present: 0,
    invalid: 0,
    referrers: 1,
    missingReferrers: 0,
    cyclicReferrers: 0,
    withoutPassword: 0,
    knownDefaults: 0,
    withSecondFactor: 0,
    lostSecondFactor: 0,
    silent: 0,
    kept: {},
    left: {},
  });
  assert.deepEqual(problems, []);

  const { token, user } = await signsIn("reader@example.com");
  assert.deepEqual(user, {
    id: invited,
    email: "reader@example.com",
    name: "Reader",
    role: "user",
    tier: 2,
    is_active: true,
    is_verified: true,
    referrer_id: admin,
    extra: { theme: "dark" },
    created_at: 1_700_000_000_001,
    updated_at: 1_710_000_000_000,
  });
  assert.deepEqual(ok(await me(postern, token)), user);
  const owner = (await signsIn("owner@example.com")).user;
  assert.deepEqual([owner.id, owner.role, owner.extra, owner.is_verified], [admin, "admin", {}, false]);
});

test("users of Better Auth keep their passwords", async () => {
  const path = join(folder, "better-auth.db");
  const theirs = new DatabaseSync(path);
  theirs.exec(`
    CREATE TABLE user (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, emailVerified INTEGER NOT NULL, image TEXT,
      createdAt DATE NOT NULL, updatedAt DATE NOT NULL);
    CREATE TABLE account (id TEXT PRIMARY KEY, accountId TEXT, providerId TEXT, userId TEXT REFERENCES user (id), password TEXT);
    INSERT INTO user VALUES ('ba1', 'Bea', 'bea@example.com', 1, NULL, '2024-02-03T04:05:06.789Z', '2024-02-03T04:05:06.789Z');
    INSERT INTO user VALUES ('ba2', 'Gil', 'gil@example.com', 1, NULL, '2024-02-03T04:05:06.789Z', '2024-02-03T04:05:06.789Z');
    INSERT INTO account VALUES ('a1', 'ba1', 'credential', 'ba1', '${made.betterAuth}');
    INSERT INTO account VALUES ('a2', '123', 'github', 'ba1', NULL);
    INSERT INTO account VALUES ('a3', '456', 'github', 'ba2', NULL);`);
  theirs.close();

  assert.equal((await imported(path)).count.imported, 2);
  const { user } = await signsIn("bea@example.com");
  assert.deepEqual([user.id, user.name, user.is_verified], ["ba1", "Bea", true]);
  assert.equal(user.created_at, Date.parse("2024-02-03T04:05:06.789Z"));
  // A user without a password has none here either, until they set one with a mailed link.
  assert.equal((await row("gil@example.com")).id, "ba2");
  for (const password of ["", PASSWORD])
    refused(await login(postern, "gil@example.com", password), 401, "wrong_credentials");
});

test("users of Supabase keep their passwords", async () => {
  const path = await file(
    "auth.users.csv",
    `instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,raw_user_meta_data,created_at,updated_at,banned_until,deleted_at
0,6b6f5a4e-0000-4000-8000-000000000001,authenticated,authenticated,sue@example.com,${made.bcrypt},2024-05-06 07:08:09.123456+00,"{""full_name"": ""Sue, the first""}",2024-05-06 07:08:09.123456+00,2024-05-06 09:08:09+02,,
0,6b6f5a4e-0000-4000-8000-000000000002,authenticated,authenticated,ben@example.com,${made.bcrypt},,{},2024-05-06 07:08:09+00,2024-05-06 07:08:09+00,2999-01-01 00:00:00+00,
`,
  );
  assert.deepEqual((await imported(path)).problems, []);
  const { user } = await signsIn("sue@example.com");
  assert.deepEqual([user.name, user.role, user.is_verified], ["Sue, the first", "user", true]);
  assert.equal(user.created_at, Date.parse("2024-05-06T07:08:09.123Z"));
  assert.equal(user.updated_at, Date.parse("2024-05-06T07:08:09Z"));
  refused(await login(postern, "ben@example.com"), 403, "inactive");
});

test("users of Firebase keep their passwords", async () => {
  const { salt, passwordHash, hashConfig } = made.firebase;
  const users = [
    {
      localId: "fb1",
      email: "fay@example.com",
      emailVerified: true,
      passwordHash,
      salt,
      displayName: "Fay",
      createdAt: "1600000000000",
    },
    { localId: "fb2", phoneNumber: "+15555550100", createdAt: "1600000000000" },
  ];
  const path = await file("firebase.json", JSON.stringify({ users }));
  await assert.rejects(imported(path), /without the hash_config/);
  const { count, problems } = await imported(path, {
    hashConfig: readHashConfig(await file("hash_config.txt", hashConfig)),
  });
  assert.deepEqual(
    [count.imported, problems],
    [
      1,
      [
        "user 2 (id fb2): ***: email must be an email address, such as name@example.com: correct it, or give the user another address",
      ],
    ],
  );
  const { user } = await signsIn("fay@example.com");
  assert.deepEqual([user.id, user.name, user.created_at], ["fb1", "Fay", 1_600_000_000_000]);
});

test("an invalid record is reported by its place, without address or hash, and does not affect others", async () => {
  const hash = made.passlib;
  const path = await lines("faulty.jsonl", [
    { id: "f1", email: "first@faulty.example", password_hash: hash },
    "{",
    "[]",
    { id: "f4", email: "fourth@faulty@example", password_hash: hash, role: "root", tier: 7, created_at: "soon" },
    { id: "f5", email: "fifth@faulty.example", password_hash: "5f4dcc3b5aa765d61d8327deb882cf99" },
    { id: "f6", email: "sixth@faulty.example", password_hash: hash.replace("m=65536", "m=65537") },
    { id: "f7", email: "FIRST@faulty.example", password_hash: hash },
    { id: "f8", email: "eighth@faulty.example", password_hash: hash, referrer_id: "nobody" },
    {
      id: "f9",
      email: "ninth@faulty.example",
      password_hash: hash,
      is_active: "perhaps",
      extra: "[1]",
      name: "n".repeat(101),
    },
  ]);
  const { count, problems } = await imported(path);
  assert.deepEqual(count, {
    imported: 2,
    present: 0,
    invalid: 7,
    referrers: 0,
    missingReferrers: 1,
    cyclicReferrers: 0,
    withoutPassword: 0,
    knownDefaults: 0,
    withSecondFactor: 0,
    lostSecondFactor: 0,
    silent: 0,
    kept: {},
    left: {},
  });
  assert.deepEqual(problems.toSorted(), [
    "line 2: is not valid JSON",
    "line 3: is not a JSON object",
    "line 4 (id f4): f***@example: email must be an email address, such as name@example.com: correct it, or give the user another address; role must be user or admin: use --role THEIRS=OURS; tier must be 0, 1 or 2, or one of basic, premium, vip; created_at must be a time",
    'line 5 (id f5): f***@faulty.example: password_hash cannot be verified at login (a password hash: password hash string missing field): remove it, and the user can set one with "Forgot your password?"',
    'line 6 (id f6): s***@faulty.example: password_hash cannot be verified at login (a stored password hash costs more than an isolate can give): remove it, and the user can set one with "Forgot your password?"',
    "line 7 (id f7): f***@faulty.example: its email belongs to the account with the id f1 (case is ignored): keep one of the two, or change one of the addresses",
    "line 8: e***@faulty.example: its referrer was not found and not set",
    "line 9 (id f9): n***@faulty.example: name must have at most 100 characters: shorten it, or use --shorten-names; is_active must be true or false; extra must be a JSON object",
  ]);
  assert.equal((await row("eighth@faulty.example")).referrer_id, null);
});

/** Returns users whose referrers may come later in the list. */
function crowd(count, domain) {
  return Array.from({ length: count }, (_, number) => ({
    id: `${domain}-${number}`,
    email: `user${number}@${domain}`,
    password_hash: made.passlib,
    name: number % 5 === 0 ? null : `User, the "${number}"\u2019th`,
    // Few, because testing the password of each takes over a second.
    role: number % 1_000 === 0 ? "admin" : "user",
    tier: number % 3,
    is_active: number % 7 !== 0,
    is_verified: number % 2 === 0,
    must_change_password: false,
    referrer_id: number % 10 === 0 ? null : `${domain}-${(number + 1) % count}`,
    extra: { number, nested: { text: "a,b\n\u{1f511}" } },
    created_at: 1_700_000_000_000 + number,
    updated_at: 1_710_000_000_000 + number,
  }));
}

function stored(domain) {
  return postern.sql(`SELECT ${columns.join(", ")} FROM users WHERE email LIKE ? ORDER BY id`, `%@${domain}`);
}

test("an interrupted import can be resumed, and a repeated import changes nothing", async () => {
  const domain = "resumed.example";
  const users = crowd(2_000, domain);
  const path = await lines("resumed.jsonl", users);
  async function* breakingOff() {
    let number = 0;
    for await (const record of readRecords(path)) {
      if (++number > 1_500) throw new Error("the machine went to sleep");
      yield record;
    }
  }
  await assert.rejects(importUsers(database, breakingOff), /the machine went to sleep/);
  const half = (await stored(domain)).length;
  assert.ok(half > 0 && half < users.length, `${half}`);

  const invited = users.filter(({ id, referrer_id }) => referrer_id !== null && referrer_id !== id).length;
  const { count } = await imported(path);
  assert.deepEqual(count, {
    imported: 2_000 - half,
    present: half,
    invalid: 0,
    referrers: invited,
    missingReferrers: 0,
    cyclicReferrers: 0,
    withoutPassword: 0,
    knownDefaults: 0,
    withSecondFactor: 0,
    lostSecondFactor: 0,
    silent: 0,
    kept: {},
    left: {},
  });

  const before = await stored(domain);
  assert.deepEqual((await imported(path)).count, {
    imported: 0,
    present: 2_000,
    invalid: 0,
    referrers: 0,
    missingReferrers: 0,
    cyclicReferrers: 0,
    withoutPassword: 0,
    knownDefaults: 0,
    withSecondFactor: 0,
    lostSecondFactor: 0,
    silent: 0,
    kept: {},
    left: {},
  });
  assert.deepEqual(await stored(domain), before);
  const byId = new Map(before.map((row) => [row.id, row]));
  for (const { id, referrer_id } of users)
    assert.equal(byId.get(id).referrer_id, referrer_id === id ? null : referrer_id);
});

test("users without an id get one and are imported only once", async () => {
  const path = await file("anonymous.csv", `email,password_hash\nann@anonymous.example,"${made.passlib}"\n`);
  assert.equal((await imported(path)).count.imported, 1);
  const { id } = await row("ann@anonymous.example");
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.equal((await imported(path)).count.present, 1);
  assert.equal((await row("ann@anonymous.example")).id, id);
});

test("a user with second factors needs one to sign in after an import", async () => {
  const key_id = (await loadRules()).second_factor_key_id(authSecret);
  const time = 1_700_000_000_000;
  const passkey = {
    credential_id: "moved_credential-id",
    algorithm: -8,
    public_key: Buffer.alloc(32, 3).toString("base64url"),
    sign_count: 4_294_967_295,
    is_backup_eligible: 1,
    is_synced: 0,
    aaguid: "00000000-0000-0000-0000-000000000000",
    transports: '["internal","hybrid"]',
    name: "Laptop, at work",
    created_at: time,
    last_used_at: null,
  };
  const identity = {
    issuer: "https://accounts.google.com",
    subject: "110169484474386276334",
    provider: "google",
    email: "moved@gmail.com",
    created_at: time,
    last_used_at: time,
  };
  const user = {
    id: "moved",
    email: "moved@factors.example",
    password_hash: made.passlib,
    second_factor: true,
    totp: [{ key_id, sealed: "sealed_-0", created_at: time, confirmed_at: time, last_used_at: time, last_step: 56 }],
    recovery_codes: ["1", "2"].map((sealed) => ({ key_id, sealed, created_at: time })),
    passkeys: [passkey, { ...passkey, credential_id: "other" }],
    identities: [
      { ...identity, email: null, last_used_at: null },
      { ...identity, subject: "100000000000000000002", provider: "company" },
    ],
    unlinked_identities: [{ issuer: "https://github.com", subject: "583231" }],
  };
  const path = await lines("factors.jsonl", [
    user,
    { id: "unsafe", email: "unsafe@factors.example", second_factor: true },
  ]);
  assert.equal((await imported(path, { secrets: ["another secret"] })).count.imported, 0);
  const { count, problems } = await imported(path, { secrets: ["another secret", authSecret] });
  assert.deepEqual([count.imported, count.withSecondFactor, count.invalid], [1, 1, 1]);
  assert.match(problems[0], /\(id unsafe\): .* second_factor is true without an authenticator app/);
  const { detail } = refused(await login(postern, user.email), 403, "second_factor_required");
  assert.deepEqual(detail.methods, ["totp", "passkey", "recovery_code"]);
});

test("an identity of another user and an invalid one are refused", async () => {
  const [{ issuer, subject, provider, email, created_at }] = await postern.sql("SELECT * FROM identities LIMIT 1");
  const identity = { issuer, subject, provider, email, created_at };
  const path = await lines("identities.jsonl", [
    { email: "thief@identities.example", identities: [identity] },
    { email: "wrong@identities.example", identities: [{ ...identity, provider: "Google", issuer: "google" }] },
    { email: "twin@identities.example", identities: [1, 1].map(() => ({ ...identity, subject: "twin" })) },
  ]);
  const { count, problems } = await imported(path);
  assert.deepEqual([count.imported, count.invalid], [0, 3]);
  const said = problems.join("\n");
  assert.equal(said.split("t***@identities.example: one of its identities belongs to another").length, 3);
  assert.match(said, /w\*\*\*@identities.example: identities has no valid issuer, provider/);
});

test("an authenticator app and recovery codes work after they have moved", async () => {
  const email = "mover@app.example";
  await imported(await lines("mover.jsonl", [{ id: "mover", email, password_hash: made.passlib }]));
  const { token } = ok(await login(postern, email));
  const { secret } = ok(await send(postern, "POST", "/api/auth/me/totp", { token }));
  const { recovery_codes } = ok(
    await send(postern, "PUT", "/api/auth/me/totp", { token, json: { code: totp(secret, -1) } }),
  );
  const path = join(folder, "moved.jsonl");
  await writeUsers(path, exportUsers(database));
  await postern.sql("DELETE FROM users WHERE id = 'mover'");

  assert.equal((await imported(path, { secrets: [authSecret] })).count.withSecondFactor, 1);
  for (const proof of [{ code: totp(secret) }, { recovery_code: recovery_codes[9] }]) {
    const { detail } = refused(await login(postern, email), 403, "second_factor_required");
    const json = { token: detail.token, ...proof };
    assert.equal(ok(await send(postern, "POST", "/api/auth/login/second-factor", { json })).user.id, "mover");
  }
  await postern.sql("DELETE FROM users WHERE id = 'mover'");
});

/** Returns all credentials besides passwords, without the ids that an import draws. */
async function storedCredentials() {
  const rows = await Promise.all(credentialColumns.map((table) => postern.sql(`SELECT * FROM ${table}`)));
  const withoutIds = rows.map((rows) => rows.map(({ id, ...row }) => JSON.stringify(row)).sort());
  assert.deepEqual(
    withoutIds.map(({ length }) => length),
    [1, 2, 2, 2, 1],
  );
  return withoutIds;
}

test("an export can be imported unchanged, as JSON lines and as CSV", async () => {
  await imported(await lines("crowd.jsonl", crowd(2_000, "exported.example")));
  const before = await postern.sql(`SELECT ${columns.join(", ")} FROM users ORDER BY id`);
  const credentials = await storedCredentials();
  const paths = [join(folder, "export.jsonl"), join(folder, "export.csv")];
  for (const path of paths) {
    assert.equal(await writeUsers(path, exportUsers(database)), before.length);
    assert.equal((await stat(path)).mode & 0o077, 0, "others can read the hashes");
    await assert.rejects(writeUsers(path, exportUsers(database)), /already exists/);
  }
  for (const path of paths) {
    await postern.sql("DELETE FROM users");
    const { count, problems } = await imported(path);
    assert.deepEqual([count.imported, problems], [before.length, []]);
    assert.deepEqual(await postern.sql(`SELECT ${columns.join(", ")} FROM users ORDER BY id`), before);
    assert.deepEqual(await storedCredentials(), credentials);
  }
  await signsIn("reader@example.com");
  assert.ok(!(await readFile(paths[0], "utf8")).includes(PASSWORD));
});

test("the command reports the result and exits with 1 if it left out any user", async () => {
  const state = join(folder, "state");
  await mkdir(state);
  await symlink(postern.state, join(state, "v3"), "junction");
  const command = async (...words) => {
    const script = fileURLToPath(new URL("../../scripts/users.mjs", import.meta.url));
    const env = { ...process.env, AUTH_SECRET: authSecret };
    const child = spawn(process.execPath, [script, ...words, "--persist-to", state], { env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    const [code] = await once(child, "exit");
    return { code, output };
  };

  // Creates wrangler's record of applied migrations, without which the import would apply them again.
  await postern.sql(
    "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)",
  );
  const migrations = new URL("../../migrations/", import.meta.url);
  for (const name of await readdir(migrations)) await postern.sql("INSERT INTO d1_migrations (name) VALUES (?)", name);

  const good = { id: "c1", email: "command@example.com", password_hash: made.passlib };
  const first = await command("import", await lines("command.jsonl", [good, { ...good, id: "c2", email: "nobody" }]));
  assert.equal(first.code, 1, first.output);
  assert.match(first.output, /line 2 \(id c2\): n\*\*\*: email must be an email address/);
  assert.match(first.output, /1 users imported, 0 already existed, 1 were rejected/);
  assert.ok(!first.output.includes(made.passlib) && !first.output.includes("nobody"), first.output);
  await postern.restart();
  ok(await login(postern, good.email));

  const path = join(folder, "command.csv");
  const second = await command("export", path);
  assert.equal(second.code, 0, second.output);
  const [{ users }] = await postern.sql("SELECT count(*) AS users FROM users");
  assert.match(second.output, new RegExp(`${users.toLocaleString("en")} users written`));
  const third = await command("import", path);
  assert.equal(third.code, 0, third.output);
  assert.match(third.output, /0 users imported/);

  for (const words of [
    ["import"],
    ["move", path],
    ["import", join(folder, "missing.csv")],
    ["import", path, "--faster"],
  ]) {
    const { code, output } = await command(...words);
    assert.equal(code, 1, output);
    assert.match(output, /npm run users -- import\|export FILE/);
  }
});
