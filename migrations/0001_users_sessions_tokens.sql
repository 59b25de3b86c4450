-- Times are UNIX milliseconds. Tables are STRICT, so a wrong type is an error; WITHOUT ROWID, because every key is text
-- and a second tree would cost a second write. Booleans are 0 or 1.

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  -- Trimmed and lower-case; `admin` for the default account.
  email TEXT NOT NULL UNIQUE,
  -- A PHC string (argon2); never leaves the database but to be verified.
  password_hash TEXT NOT NULL,
  name TEXT,
  role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
  tier INTEGER NOT NULL DEFAULT 0 CHECK (tier BETWEEN 0 AND 2),
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  is_verified INTEGER NOT NULL DEFAULT 0 CHECK (is_verified IN (0, 1)),
  -- 1 while the default account has its default password.
  must_change_password INTEGER NOT NULL DEFAULT 0 CHECK (must_change_password IN (0, 1)),
  -- Who invited this user; outlives the inviter's account as NULL.
  referrer_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  -- For the applications behind: a JSON object.
  extra TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
  -- The `jti` of the one live password reset token; NULL when there is none. Setting it to another value or to
  -- NULL ends the token, whatever KV still holds.
  password_reset_id TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The users whom a user invited; also used by ON DELETE SET NULL.
CREATE INDEX users_by_referrer ON users (referrer_id);
-- "Is there another active admin?" without reading every user.
CREATE INDEX active_admins ON users (id) WHERE role = 'admin' AND is_active = 1;

CREATE TABLE sessions (
  -- The `sid` of the JWT. A session without a row is over, whatever its JWT says.
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- What the browser called itself at the login, so that its owner knows it again; cut off at 200 characters.
  user_agent TEXT,
  created_at INTEGER NOT NULL,
  -- Moves with each refresh, up to the absolute cap counted from created_at.
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id, expires_at);
-- Only for the cleanup, like the other indexes by expiry.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A deactivated user's sessions get 403 everywhere. This trigger ends them and the reset link when the account is activated, whatever
-- code or script does that.
CREATE TRIGGER reactivation_revives_no_access
AFTER UPDATE OF is_active ON users
WHEN old.is_active = 0 AND new.is_active = 1
BEGIN
  DELETE FROM sessions WHERE user_id = new.id;
  UPDATE users SET password_reset_id = NULL WHERE id = new.id;
END;

CREATE TABLE user_tokens (
  -- A keyed hash of the token: found by it, but not to be had from it.
  lookup TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- Which secret it was made under: when that is no longer accepted, nobody can use or see the token.
  key_id TEXT NOT NULL,
  -- The token, encrypted for its owner's list; bound to user_id.
  sealed TEXT NOT NULL,
  name TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX user_tokens_by_user ON user_tokens (user_id, expires_at);
CREATE INDEX user_tokens_by_expiry ON user_tokens (expires_at);

-- The live one-time password of each user, one row per user. The keyed hash of the code is in KV.
CREATE TABLE one_time_passwords (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  -- The live code; NULL once it is used. A new send replaces it.
  generation TEXT,
  -- Guesses at this generation, right or wrong.
  guesses INTEGER NOT NULL,
  sent_at INTEGER NOT NULL,
  -- Sends since window_started_at.
  sends INTEGER NOT NULL,
  window_started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counters of attempts: see domain/throttle.rs.
CREATE TABLE throttles (
  -- A keyed hash of the rule and the email or address: neither can be read here.
  key TEXT PRIMARY KEY,
  attempts INTEGER NOT NULL,
  -- No further attempt before this.
  blocked_until INTEGER NOT NULL,
  -- The row means nothing from here on.
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX throttles_by_expiry ON throttles (expires_at);

-- The mail queue: rows are inserted in the batch of the change, and deleted when a provider has accepted the mail.
CREATE TABLE mails (
  -- Also the idempotency key for the provider.
  id TEXT PRIMARY KEY,
  -- What is to be mailed to whom, encrypted: it may hold an address and a token.
  sealed TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  -- A sender moves this forward first, so that no other sender takes the mail.
  next_attempt_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  -- The content is useless after this.
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX mails_by_next_attempt ON mails (next_attempt_at);
CREATE INDEX mails_by_expiry ON mails (expires_at);

-- Mails of the provider `outbox`, which `/dev/outbox` shows in local development. Empty elsewhere.
CREATE TABLE outbox (
  -- Tells which of two mails of the same millisecond is the newer.
  number INTEGER PRIMARY KEY,
  -- The idempotency key: the same mail is here once.
  id TEXT NOT NULL UNIQUE,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  html TEXT NOT NULL,
  sent_at INTEGER NOT NULL
) STRICT;

CREATE INDEX outbox_by_time ON outbox (sent_at);
CREATE INDEX outbox_by_recipient ON outbox (recipient, sent_at);
