// Imports files in the formats that occur in practice, into SQLite with the current migrations.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes, scryptSync } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { root } from "../../scripts/lib/run.mjs";
import { importUsers, exportUsers } from "../../scripts/lib/users/move.mjs";
import { readRecords } from "../../scripts/lib/users/read.mjs";
import { loadRules } from "../../scripts/lib/users/rules.mjs";
import { readTime } from "../../scripts/lib/users/time.mjs";
import { writeUsers } from "../../scripts/lib/users/write.mjs";

const hash = "$argon2id$v=19$m=65536,t=3,p=4$KCWEkNL6n5MyhlCKkbKWUg$s/1Bjocq/NR7eBhabiQla2cm06wo/XrBrN5UiG+D/sk";
const folder = mkdtempSync(join(tmpdir(), "postern-users-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let sqlite;
const database = {
  query: async (sql, ...values) =>
    sqlite
      .prepare(sql)
      .all(...values)
      .map((row) => ({ ...row })),
  batch: async (statements) => {
    sqlite.exec("BEGIN");
    try {
      const results = [];
      for (const [sql, ...values] of statements) results.push(await database.query(sql, ...values));
      sqlite.exec("COMMIT");
      return results;
    } catch (error) {
      sqlite.exec("ROLLBACK");
      throw error;
    }
  },
};
beforeEach(() => {
  sqlite = new DatabaseSync(":memory:");
  for (const name of readdirSync(join(root, "migrations")).sort())
    sqlite.exec(readFileSync(join(root, "migrations", name), "utf8"));
});

async function imported(path, options) {
  const problems = [];
  const notes = [];
  const onInvalid = (place, problem) => problems.push(`${place}: ${problem}`);
  const onNote = (place, note) => notes.push(`${place}: ${note}`);
  const count = await importUsers(database, () => readRecords(path), { onInvalid, onNote, ...options });
  assert.ok(![...problems, ...notes].join().includes(hash), "a hash is printed");
  return { count, problems, notes };
}

function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function user(email) {
  return sqlite.prepare("SELECT * FROM users WHERE email = ?").get(email);
}

/** Returns a password hash in passlib's format for scrypt. */
function scrypt(password) {
  const salt = randomBytes(16);
  const base64 = (bytes) => bytes.toString("base64").replace(/=+$/, "");
  return `$scrypt$ln=4,r=8,p=1$${base64(salt)}$${base64(scryptSync(password, salt, 32, { N: 16, r: 8, p: 1 }))}`;
}

const list = (users) => file("users.jsonl", users.map((one) => JSON.stringify(one)).join("\n"));

for (const [tables, userId, providerId, verified] of /** @type {[string[], string, string, string][]} */ ([
  [["users", "accounts"], "userId", "providerId", "emailVerified"],
  [["user", "account"], "user_id", "provider_id", "email_verified"],
  [["users", "accounts"], "user_id", "provider_id", "email_verified"],
])) {
  test(`a Better Auth database with ${tables.join("/")} and ${userId} keeps passwords and bans`, async () => {
    const path = join(folder, `${tables[0]}-${userId}.db`);
    const theirs = new DatabaseSync(path);
    theirs.exec(`
      CREATE TABLE "${tables[0]}" (id TEXT, name TEXT, email TEXT, ${verified} INTEGER, banned INTEGER, ban_expires TEXT);
      CREATE TABLE "${tables[1]}" (id TEXT, ${userId} TEXT, ${providerId} TEXT, password TEXT);
      INSERT INTO "${tables[0]}" VALUES ('a', 'A', 'a@example.com', 1, 1, NULL), ('b', 'B', 'b@example.com', 1, 1, '2020-01-01'),
        ('c', 'C', 'c@example.com', 1, 1, '2999-01-01'), ('d', 'D', 'd@example.com', 1, 0, NULL);
      INSERT INTO "${tables[1]}" SELECT id, id, 'credential', '${hash}' FROM "${tables[0]}" WHERE id <> 'd';`);
    theirs.close();
    const { count, notes } = await imported(path);
    assert.deepEqual([count.imported, count.withoutPassword, notes.length], [4, 1, 2]);
    assert.match(notes[0], /c\*\*\*@example\.com: is banned until 2999-01-01/);
    assert.match(notes[1], /d\*\*\*@example\.com: has no password/);
    assert.equal(user("a@example.com").password_hash, hash);
    assert.deepEqual(
      ["a", "b", "c", "d"].map((id) => user(`${id}@example.com`).is_active),
      [0, 1, 0, 1],
    );
  });
}

test("a Better Auth database without accounts is rejected", async () => {
  const path = join(folder, "lonely.db");
  const theirs = new DatabaseSync(path);
  theirs.exec(
    "CREATE TABLE users (id TEXT, email TEXT, email_verified INTEGER); INSERT INTO users VALUES ('a', 'a@example.com', 1)",
  );
  theirs.close();
  await assert.rejects(imported(path), /no accounts table/);
});

test("Firebase's redacted hash is rejected", async () => {
  const users = [{ localId: "r", email: "r@example.com", passwordHash: "UkVEQUNURUQ=", salt: "" }];
  const { count, problems } = await imported(file("redacted.json", JSON.stringify({ users })));
  assert.equal(count.invalid, 1);
  assert.match(problems[0], /is redacted/);
});

test("a Supabase ban with an unreadable end counts, and an expired one does not", async () => {
  const row = (id, until) => ({ id, email: `${id}@example.com`, encrypted_password: "", banned_until: until });
  await imported(
    list([
      row("a", "infinity"),
      row("b", "2020-01-01 00:00:00+00"),
      row("c", "2999-01-01 00:00:00+00"),
      row("d", null),
    ]),
  );
  assert.deepEqual(
    ["a", "b", "c", "d"].map((id) => user(`${id}@example.com`).is_active),
    [0, 1, 0, 1],
  );
});

test("a stray quote in a CSV file affects only its own row", async () => {
  const rows = [
    "id,email,password_hash",
    `a,a@example.com,"${hash}"`,
    `b,"b@example.com,"${hash}"`,
    `c,"c@example.com,${hash}`,
    `d,d"d@example.com,`,
    `e,e@example.com,"${hash}"`,
  ];
  const { count, problems } = await imported(file("stray.csv", rows.join("\n")));
  assert.deepEqual([count.imported, count.invalid], [2, 3]);
  assert.deepEqual(
    problems.map((line) => line.split(":")[0]),
    ["line 3", "line 4", "line 5"],
  );
  assert.equal(user("e@example.com").password_hash, hash);
});

test("column names may differ in case and spaces, and semicolons work as separators", async () => {
  await imported(file("case.csv", `ID; Email ; Name;Password\r\na;A@example.com;Ada;"${hash}"\r\n`));
  assert.deepEqual([user("a@example.com").name, user("a@example.com").password_hash], ["Ada", hash]);
});

test("an unknown column is rejected by name, and known extra columns go to extra", async () => {
  const { count, problems } = await imported(
    list([
      { email: "a@example.com", kennwort: "x" },
      { email: "b@example.com", username: "bee", extra: { theme: "dark" } },
    ]),
  );
  assert.deepEqual([count.imported, count.invalid], [1, 1]);
  assert.match(problems[0], /unknown columns: kennwort/);
  assert.deepEqual(JSON.parse(user("b@example.com").extra), { username: "bee", theme: "dark" });
});

test("a row that is not UTF-8 is rejected with the reason", async () => {
  const { problems } = await imported(
    file("latin1.csv", Buffer.from("email,name\na@example.com,J\u00fcrgen\n", "latin1")),
  );
  assert.match(problems[0], /is not in UTF-8/);
});

test("an email with a look-alike of an ASCII letter is rejected", async () => {
  assert.equal((await imported(list([{ email: "\u212aate@example.com" }]))).count.invalid, 1);
});

test("an internationalized domain is imported in its ASCII form", async () => {
  const { count } = await imported(
    list([
      { id: "a", email: "Ada@M\u00fcller.example" },
      { id: "b", email: "ada@xn--mller-kva.example" },
    ]),
  );
  assert.deepEqual([count.imported, count.invalid, user("ada@xn--mller-kva.example").id], [1, 1, "a"]);
});

test("hashes that cannot be verified at login are rejected", async () => {
  const faulty = [
    "$2b$03$11g6KZ5I3sK3SZDpEXwqEePXe8bgh245xRGmy7orU51WLJyg7hDDa",
    hash.replace("p=4", "p=0"),
    hash.replace("p=4", "p=99"),
    hash.replace("m=65536", "m=16"),
    hash.replace("KCWEkNL6n5MyhlCKkbKWUg", "KCWEkNL6n5MyhlCKkbKWUh"),
    hash.replace("KCWEkNL6n5MyhlCKkbKWUg", Buffer.alloc(49).toString("base64").replace(/=+$/, "")),
  ];
  const { count } = await imported(
    list(faulty.map((password_hash, index) => ({ email: `h${index}@example.com`, password_hash }))),
  );
  assert.equal(count.invalid, faulty.length);
});

test("the default admin of lightnovel-crawler must change the password", async () => {
  await imported(
    list([
      { id: "a", email: "admin", password: hash, role: "ADMIN" },
      { id: "b", email: "b@example.com", password: hash, role: "ADMIN" },
    ]),
  );
  assert.deepEqual([user("admin").must_change_password, user("b@example.com").must_change_password], [1, 0]);
});

test("an admin with a known default password must change it", async () => {
  const passwords = {
    admin: "admin",
    service: "acme auth",
    address: "address@example.com",
    local: "local",
    other: "correct horse battery",
  };
  const admin = ([id, password]) => ({
    id,
    email: `${id}@example.com`,
    password_hash: scrypt(password),
    role: "admin",
    must_change_password: false,
  });
  const reader = { id: "reader", email: "reader@example.com", password_hash: scrypt("admin") };
  const { count, notes } = await imported(list([...Object.entries(passwords).map(admin), reader]), {
    serviceName: "Acme Auth",
  });
  const ids = ["admin", "service", "address", "local", "other", "reader"];
  assert.deepEqual(
    ids.map((id) => user(`${id}@example.com`).must_change_password),
    [1, 1, 1, 1, 0, 0],
  );
  assert.deepEqual([count.knownDefaults, notes.length], [4, 4]);
  assert.match(notes[0], /^line 1 \(id admin\): a\*\*\*@example\.com: is an admin with a known default password/);
});

test("an admin beyond the tested ones must change the password", async () => {
  const password_hash = scrypt("correct horse battery");
  await imported(
    list(
      Array.from({ length: 101 }, (_, id) => ({
        id: `${id}`,
        email: `a${id}@example.com`,
        role: "admin",
        password_hash,
      })),
    ),
  );
  const marked = sqlite
    .prepare("SELECT email FROM users WHERE must_change_password = 1")
    .all()
    .map(({ email }) => email);
  assert.deepEqual(marked, ["a100@example.com"]);
});

test("each imported user is logged as an event of the operator, and a second import logs nothing", async () => {
  const path = list([
    { id: "a", email: "a@example.com", role: "admin", tier: 1 },
    { id: "b", email: "b@example.com" },
  ]);
  await imported(path);
  await imported(path);
  const events = sqlite
    .prepare("SELECT action, result, actor_id, subject_id, new_value FROM events ORDER BY id")
    .all()
    .map((row) => ({ ...row }));
  const event = (subject_id, new_value) => ({
    action: "user_imported",
    result: "success",
    actor_id: "operator",
    subject_id,
    new_value,
  });
  assert.deepEqual(events, [event("a", '{"role":"admin","tier":1}'), event("b", '{"role":"user","tier":0}')]);
});

test("freezes are exported and imported, including one whose root was deleted", async () => {
  await imported(list(["root", "below", "orphan"].map((id) => ({ id, email: `${id}@example.com` }))));
  const [first, later] = [1_700_000_000_000, 1_700_000_000_005];
  sqlite.exec(`INSERT INTO freezes VALUES ('root', ${later}), ('gone', ${first});
    UPDATE users SET is_active = 0, frozen_by = 'root', frozen_at = ${first} WHERE id IN ('root', 'below');
    UPDATE users SET is_active = 0, frozen_by = 'gone', frozen_at = ${first} WHERE id = 'orphan'`);
  const state = () =>
    ["freezes ORDER BY user_id", "users ORDER BY id"].map((table) =>
      sqlite
        .prepare(`SELECT * FROM ${table}`)
        .all()
        // Codes by email that wait end with the import.
        .map((row) => ({ ...row, email_codes_from: 0 })),
    );
  const before = state();
  for (const name of ["freezes.csv", "freezes.jsonl"]) {
    const path = join(folder, name);
    await writeUsers(path, exportUsers(database));
    sqlite.exec("DELETE FROM users; DELETE FROM freezes");
    assert.equal((await imported(path)).count.imported, 3);
    assert.deepEqual(state(), before);
  }
});

test("a user who is both frozen and active is rejected", async () => {
  const { problems } = await imported(
    list([{ id: "a", email: "a@example.com", frozen_by: "a", frozen_at: 1_700_000_000_000 }]),
  );
  assert.match(problems[0], /is_active must be false for a user who is frozen/);
});

test("columns of a known service go to extra or are reported, with counts", async () => {
  const theirs = {
    id: "a",
    email: "a@example.com",
    emailVerified: true,
    image: "i.png",
    twoFactorEnabled: true,
    stripeId: "s",
  };
  const { count } = await imported(list([theirs, { ...theirs, id: "b", email: "b@example.com", image: "" }]));
  assert.deepEqual([count.kept, count.left], [{ image: 1 }, { twofactorenabled: 2, stripeid: 2 }]);
  assert.deepEqual(JSON.parse(user("a@example.com").extra), { image: "i.png" });
  const supabase = {
    id: "c",
    email: "c@example.com",
    encrypted_password: "",
    raw_user_meta_data: '{"name":"C","city":"Ulm"}',
    aud: "x",
  };
  const second = await imported(list([supabase]));
  assert.deepEqual([second.count.kept, second.count.left], [{ metadata: 1 }, { aud: 1 }]);
  assert.deepEqual(JSON.parse(user("c@example.com").extra), { metadata: { name: "C", city: "Ulm" } });
});

const secret = "a-secret-that-is-long-enough-to-be-one";
const time = 1_700_000_000_000;

/** Returns a user with an authenticator app, two recovery codes and a passkey, as an export has them. */
async function protectedUser(id) {
  const key_id = (await loadRules()).second_factor_key_id(secret);
  return {
    id,
    email: `${id}@example.com`,
    password_hash: hash,
    second_factor: true,
    totp: [{ key_id, sealed: `${id}_-0`, created_at: time, confirmed_at: time, last_used_at: null, last_step: 56 }],
    recovery_codes: ["1", "2"].map((code) => ({ key_id, sealed: `${id}${code}`, created_at: time })),
    passkeys: [
      {
        credential_id: `credential-${id}`,
        algorithm: -8,
        public_key: Buffer.alloc(32, 3).toString("base64url"),
        sign_count: 7,
        is_backup_eligible: 1,
        is_synced: 0,
        aaguid: "00000000-0000-0000-0000-000000000000",
        transports: '["internal","hybrid"]',
        name: "Laptop, at work",
        created_at: time,
        last_used_at: time + 1,
      },
    ],
  };
}

test("second factors are exported and imported unchanged, and so is an account without a password", async () => {
  const ada = await protectedUser("ada");
  const bea = { ...(await protectedUser("bea")), password_hash: "", totp: null, recovery_codes: [] };
  const { count, problems, notes } = await imported(list([ada, bea, { id: "c", email: "c@example.com" }]), {
    secrets: ["another secret", secret],
  });
  assert.deepEqual([count.imported, count.withSecondFactor, count.withoutPassword, problems], [3, 2, 1, []]);
  // Bea signs in with a passkey.
  assert.match(notes.join(), /^line 3 \(id c\): c\*\*\*@example\.com: has no password/);
  assert.deepEqual([user("ada@example.com").second_factor, user("c@example.com").second_factor], [1, 0]);
  assert.equal(user("bea@example.com").password_hash, "");

  // An app that was never confirmed is no factor.
  sqlite.exec(`INSERT INTO totp (user_id, key_id, sealed, created_at) VALUES ('c', 'k', 's', ${time})`);
  const state = () =>
    ["* FROM users", "* FROM totp WHERE confirmed_at", "user_id, key_id, sealed, created_at FROM recovery_codes"]
      .concat(`user_id, ${Object.keys(ada.passkeys[0])} FROM passkeys`)
      .map((part) => sqlite.prepare(`SELECT ${part} ORDER BY 1, 3`).all());
  const before = state();
  for (const name of ["factors.csv", "factors.jsonl"]) {
    const path = join(folder, name);
    await writeUsers(path, exportUsers(database));
    sqlite.exec("DELETE FROM users; DELETE FROM events");
    assert.equal((await imported(path, { secrets: [secret] })).count.imported, 3);
    assert.deepEqual(state(), before);
  }
});

test("no import creates a user whose second factor is missing or cannot work", async () => {
  const ada = await protectedUser("ada");
  const [passkey] = ada.passkeys;
  const faulty = /** @type {Record<string, [object, RegExp]>} */ ({
    nothing: [
      { totp: null, recovery_codes: null, passkeys: null },
      /second_factor is true without an authenticator app/,
    ],
    codes: [{ totp: null, passkeys: [] }, /second_factor is true without an authenticator app/],
    off: [{ second_factor: false }, /second_factor must be true/],
    left: [{ second_factor: undefined }, /second_factor must be true/],
    anonymous: [{ id: undefined }, /id is missing, but second factors work only with the id/],
    list: [{ passkeys: "{" }, /passkeys must be a JSON list of at most 20/],
    many: [
      { recovery_codes: Array(11).fill(ada.recovery_codes[0]) },
      /recovery_codes must be a JSON list of at most 10/,
    ],
    empty: [{ totp: [null] }, /totp has no valid key_id, sealed, created_at, confirmed_at, last_step/],
    unconfirmed: [{ totp: [{ ...ada.totp[0], confirmed_at: null }] }, /totp has no valid confirmed_at/],
    key: [{ passkeys: [{ ...passkey, algorithm: -7 }] }, /passkeys has no valid public_key/],
    transports: [
      { passkeys: [{ ...passkey, transports: null, name: " a" }] },
      /passkeys has no valid transports, name/,
    ],
    more: [{ passkeys: [{ ...passkey, key: 1 }] }, /passkeys has unknown columns: key/],
    twice: [{ passkeys: [passkey, passkey] }, /one of its passkeys belongs to another account, or is there twice/],
  });
  for (const [name, [change, problem]] of Object.entries(faulty)) {
    const { count, problems } = await imported(list([{ ...ada, ...change }]), { secrets: [secret] });
    assert.deepEqual([count.imported, count.invalid, problems.length], [0, 1, 1], name);
    assert.match(problems[0], problem);
  }
  const other = await imported(list([ada]), { secrets: ["another secret"] });
  assert.match(other.problems[0], /encrypted with another AUTH_SECRET: set that as AUTH_SECRET_PREVIOUS/);
  // Without the secrets of the service, the keys cannot be checked.
  assert.equal((await imported(list([ada]))).count.imported, 1);
});

test("a passkey of another user is refused, in the file and in the database, and nothing of its user is written", async () => {
  const [ada, bea, cat] = await Promise.all(["ada", "bea", "cat"].map(protectedUser));
  for (const options of [{ dryRun: true }, {}]) {
    const { count, problems } = await imported(list([ada, { ...bea, passkeys: ada.passkeys }]), options);
    assert.deepEqual([count.imported, count.present, count.invalid], [1, 0, 1]);
    assert.match(
      problems[0],
      /^line 2 \(id bea\): b\*\*\*@example\.com: one of its passkeys belongs to another account/,
    );
  }
  assert.equal((await imported(list([{ ...cat, passkeys: ada.passkeys }]))).count.invalid, 1);
  assert.equal(sqlite.prepare("SELECT count(*) AS rows FROM users").get().rows, 1);
});

test("an existing user keeps the second factors they have, and gets none from a file", async () => {
  const ada = await protectedUser("ada");
  await imported(list([{ id: "ada", email: "ada@example.com", password_hash: hash }]));
  assert.deepEqual((await imported(list([ada, ada]))).count.present, 2);
  for (const table of ["totp", "recovery_codes", "passkeys"])
    assert.equal(sqlite.prepare(`SELECT count(*) AS rows FROM ${table}`).get().rows, 0);
});

test("an import that is interrupted leaves no user without the second factor", async () => {
  const ada = await protectedUser("ada");
  const breaking = {
    ...database,
    batch: (statements) => database.batch([...statements, ["SELECT * FROM interruption"]]),
  };
  await assert.rejects(
    importUsers(breaking, () => readRecords(list([ada]))),
    /interruption/,
  );
  assert.equal(user("ada@example.com"), undefined);
  assert.equal((await imported(list([ada]))).count.withSecondFactor, 1);
});

test("second factors of other services are named and counted", async () => {
  const path = join(folder, "plugins.db");
  const theirs = new DatabaseSync(path);
  theirs.exec(`
    CREATE TABLE user (id TEXT, email TEXT, emailVerified INTEGER, twoFactorEnabled INTEGER);
    CREATE TABLE account (id TEXT, userId TEXT, providerId TEXT, password TEXT);
    CREATE TABLE twoFactor (id TEXT, secret TEXT, userId TEXT);
    CREATE TABLE passkey (id TEXT, publicKey TEXT, userId TEXT);
    INSERT INTO user VALUES ('a', 'a@example.com', 1, 1), ('b', 'b@example.com', 1, 0), ('c', 'c@example.com', 1, NULL);
    INSERT INTO account SELECT id, id, 'credential', '${hash}' FROM user;
    INSERT INTO twoFactor VALUES ('1', 'secret', 'a'), ('2', 'never confirmed', 'c');
    INSERT INTO passkey VALUES ('1', 'k', 'a'), ('2', 'k', 'b'), ('3', 'k', 'b');`);
  const first = await imported(path);
  assert.deepEqual(first.count.left, { twofactorenabled: 1, passkeys: 2 });
  assert.deepEqual([first.count.imported, first.count.lostSecondFactor, first.count.silent], [3, 2, 0]);
  const note = "has a second factor or a passkey that cannot be moved";
  assert.deepEqual(
    first.notes.map((line) => line.split(": ").slice(-1)[0]),
    [
      `${note} (twofactorenabled, passkeys) and has to set it up again`,
      `${note} (passkeys) and has to set it up again`,
    ],
  );

  // Without the column, the rows of the plugin count.
  theirs.exec("ALTER TABLE user DROP COLUMN twoFactorEnabled; UPDATE user SET id = 'x' || id, email = 'x' || email");
  theirs.exec("UPDATE account SET userId = 'x' || userId; UPDATE twoFactor SET userId = 'x' || userId");
  theirs.close();
  assert.deepEqual((await imported(path)).count.left, { twofactors: 2 });

  const supabase = (id, factors) => ({ id, email: `${id}@example.com`, encrypted_password: hash, ...factors });
  const second = await imported(
    list([supabase("s1", { mfa_factors: 1 }), supabase("s2", { mfa_factors: 0 }), supabase("s3")]),
  );
  assert.deepEqual([second.count.left, second.count.lostSecondFactor, second.count.silent], [{ mfafactors: 1 }, 1, 1]);
  const firebase = [
    { localId: "f1", email: "f1@example.com", mfaInfo: [{ mfaEnrollmentId: "e" }] },
    { localId: "f2", email: "f2@example.com", mfaInfo: [] },
    { localId: "f3", email: "f3@example.com" },
  ];
  const third = await imported(list(firebase));
  assert.deepEqual([third.count.left, third.count.lostSecondFactor, third.count.silent], [{ mfainfo: 1 }, 1, 1]);
});

test("the end of a ban is reported", async () => {
  const { notes } = await imported(
    list([{ id: "a", email: "a@example.com", encrypted_password: hash, banned_until: "2999-01-01 00:00:00+00" }]),
  );
  assert.deepEqual(notes.length, 1);
  assert.match(notes[0], /is banned until 2999-01-01T00:00:00\.000Z and imported as deactivated/);
});

test("two emails that differ only in case are reported together", async () => {
  const users = [
    { id: "one", email: "a@example.com" },
    { id: "two", email: "A@Example.com" },
  ];
  const expected = /^line 2 \(id two\): .*belongs to the account with the id one .*keep one of the two/;
  assert.match((await imported(list(users))).problems[0], expected);
});

test("an email that is reserved for the undoing of a change is reported", async () => {
  await imported(list([{ id: "old", email: "new@example.com" }]));
  sqlite.exec(
    "INSERT INTO undoable_email_changes (user_id, old_email, undo_hash, requested_at, expires_at) VALUES ('old', 'a@example.com', 'x', 1, 2)",
  );
  const expected = /^line [12].*: a\*\*\*@example\.com: its email is reserved for the account with the id old/;
  for (const dryRun of [true, false]) {
    const users = [
      { id: "a", email: "A@example.com" },
      { email: "a@example.com" },
      { id: "b", email: "b@example.com" },
    ];
    const { count, problems } = await imported(list(users), { dryRun });
    assert.deepEqual([count.imported, count.present, count.invalid], [1, 0, 2]);
    for (const problem of problems) assert.match(problem, expected);
  }
});

test("a dry run reports what an import would do and writes nothing", async () => {
  await imported(list([{ id: "old", email: "old@example.com" }]));
  const users = [
    { id: "old", email: "old@example.com" },
    { id: "a", email: "a@example.com", referrer_id: "old" },
    { id: "b", email: "A@example.com" },
    { id: "c", email: "c" },
  ];
  const { count, problems } = await imported(list(users), { dryRun: true });
  assert.deepEqual([count.imported, count.present, count.invalid, problems.length], [1, 1, 2, 2]);
  assert.deepEqual(
    ["users", "events"].map((table) => sqlite.prepare(`SELECT count(*) AS rows FROM ${table}`).get().rows),
    [1, 1],
  );
});

test("an import in a fresh clone applies the migrations first", () => {
  const path = file(
    "fresh.jsonl",
    JSON.stringify({
      id: "a",
      email: "fresh@example.com",
      image: "i.png",
      role: "admin",
      password_hash: scrypt("admin"),
    }),
  );
  const words = ["--persist-to", join(folder, "fresh")];
  const command = (...more) =>
    spawnSync(process.execPath, [join(root, "scripts/users.mjs"), ...more, ...words], { encoding: "utf8" });
  const first = command("import", path);
  assert.equal(first.status, 0, first.stdout + first.stderr);
  assert.match(first.stdout, /1 users imported/);
  assert.match(first.stdout, /Kept in `extra`, by column: image \(1\)/);
  assert.match(first.stderr, /known default password/);
  assert.match(command("import", path, "--dry-run").stdout, /0 users would be imported, 1 already existed/);
});

test("a cycle of referrers is rejected, including through existing users", async () => {
  const one = (id, referrer_id) => ({ id, email: `${id}@example.com`, password_hash: hash, referrer_id });
  const ring = await imported(list([one("a", "b"), one("b", "a"), one("c", "a")]));
  assert.deepEqual([ring.count.referrers, ring.count.cyclicReferrers], [1, 2]);
  await imported(list([one("x"), one("y", "x")]));
  const closing = await imported(list([one("x", "z"), one("z", "y")]));
  assert.ok(closing.count.cyclicReferrers >= 1, JSON.stringify(closing.count));
  const { rings } = sqlite
    .prepare(`WITH RECURSIVE walk (start, at) AS (SELECT id, referrer_id FROM users UNION
    SELECT start, users.referrer_id FROM walk JOIN users ON users.id = at) SELECT count(*) AS rings FROM walk WHERE start = at`)
    .get();
  assert.equal(rings, 0);
});

test("a time without a time zone is in UTC on every machine", () => {
  for (const TZ of ["America/New_York", "Asia/Kolkata"]) {
    const script = `import { readTime } from ${JSON.stringify(join(root, "scripts/lib/users/time.mjs"))};
      console.log(JSON.stringify(["2024-01-01", "2024-01-01 12:30:00", "2024-01-01T12:30:00+05:30"].map((one) => readTime(one).milliseconds)))`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      env: { ...process.env, TZ },
      encoding: "utf8",
    });
    assert.deepEqual(JSON.parse(stdout), [Date.UTC(2024, 0, 1), Date.UTC(2024, 0, 1, 12, 30), Date.UTC(2024, 0, 1, 7)]);
  }
});

test("seconds, nonexistent dates and ambiguous dates are rejected", () => {
  assert.match(readTime(1_700_000_000).problem, /not in seconds/);
  assert.match(readTime("1700000000").problem, /not in seconds/);
  assert.match(readTime("2024-02-30").problem, /does not exist/);
  assert.match(readTime("01/02/2024").problem, /ambiguous/);
  assert.equal(readTime("1700000000000").milliseconds, 1_700_000_000_000);
});

test("a cell that a spreadsheet would run is escaped in the CSV and imported unchanged", async () => {
  const names = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "plain", "'quoted"];
  await imported(list(names.map((name, index) => ({ id: `${index}`, email: `n${index}@example.com`, name }))));
  const path = join(folder, "formula.csv");
  await writeUsers(path, exportUsers(database));
  assert.ok(
    !readFileSync(path, "utf8")
      .split("\n")
      .some((line) => line.split(",").some((cell) => /^"?[=+@-]/.test(cell))),
  );
  sqlite.exec("DELETE FROM users");
  await imported(path);
  assert.deepEqual(
    names.map((_, index) => user(`n${index}@example.com`).name),
    names,
  );
});

test("reading an SQLite file shows no warning of Node", () => {
  const path = join(folder, "quiet.db");
  const quiet = new DatabaseSync(path);
  quiet.exec("CREATE TABLE users (id TEXT, email TEXT); INSERT INTO users VALUES ('a', 'a@example.com')");
  quiet.close();
  const script = `import { readRecords } from ${JSON.stringify(join(root, "scripts/lib/users/read.mjs"))};
    for await (const { record } of readRecords(${JSON.stringify(path)})) console.log(record.email);`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  assert.deepEqual([stdout, stderr], ["a@example.com\n", ""]);
});

test("a rejected row is reported with its id and returned, and roles and names can be adapted", async () => {
  const users = [
    { id: "r1", email: "a@example.com", role: "local", password_hash: hash },
    { id: "r2", email: "b@example.com", name: `${"n".repeat(60)}\n${"m".repeat(60)}`, password_hash: hash },
  ];
  const rejected = [];
  const onInvalid = (place, problem, record) => rejected.push([`${place}: ${problem}`, record]);
  await importUsers(database, () => readRecords(list(users)), { onInvalid });
  assert.deepEqual(
    rejected.map(([, record]) => record),
    users,
  );
  assert.match(rejected[0][0], /^line 1 \(id r1\): .*role must be user or admin: use --role THEIRS=OURS/);
  assert.match(
    rejected[1][0],
    /^line 2 \(id r2\): .*name must have at most 100 characters: shorten it, or use --shorten-names/,
  );

  const { count } = await imported(list(users), { roles: { local: "user" }, shortenNames: true });
  assert.deepEqual([count.imported, count.invalid], [2, 0]);
  assert.equal(user("a@example.com").role, "user");
  assert.equal(user("b@example.com").name, `${"n".repeat(60)} ${"m".repeat(39)}`);
});
