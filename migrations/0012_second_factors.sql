-- Second factors and passkeys. Code of the previous version runs on this schema: it starts sessions of level 1, which the first trigger
-- refuses to users who require more.

-- 1 if every session of this user needs level 2. Set when the user confirms an authenticator app, or decides that the password
-- alone is too little.
ALTER TABLE users ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0 CHECK (second_factor IN (0, 1));

-- When the user last proved who they are in this session. NULL in rows of previous versions, where created_at counts.
ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER;
-- 1: one factor. 2: two factors, or a passkey that verified the user (domain/proof.rs).
ALTER TABLE sessions ADD COLUMN level INTEGER NOT NULL DEFAULT 1 CHECK (level IN (1, 2));
-- The proofs of this session, separated by spaces: `password`, `totp`, `passkey`, `recovery_code`.
ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'password';

-- The ids of one-time tokens that were used. A token that is not here can be used until it expires, so issuing one writes nothing.
CREATE TABLE spent (
  key TEXT PRIMARY KEY,
  -- When the token expires, and the row can be deleted.
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The authenticator app of a user (RFC 6238).
CREATE TABLE totp (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  -- The secret that the seal key is derived from.
  key_id TEXT NOT NULL,
  -- The shared secret, encrypted and bound to user_id.
  sealed TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- The time of the first right code. Until then, the app is no factor.
  confirmed_at INTEGER,
  last_used_at INTEGER,
  -- The time step of the last code that was accepted. Only later steps are accepted, so a code works once.
  last_step INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Encrypted, not hashed, so that the cron trigger can encrypt them with the next secret when AUTH_SECRET is rotated.
CREATE TABLE recovery_codes (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  key_id TEXT NOT NULL,
  -- The code, encrypted and bound to user_id.
  sealed TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- Passkeys (WebAuthn Level 3).
CREATE TABLE passkeys (
  -- In base64url.
  credential_id TEXT PRIMARY KEY,
  -- The id in the API.
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- The COSE algorithm: -7 (ES256), -8 (EdDSA) or -257 (RS256).
  algorithm INTEGER NOT NULL,
  -- The public key in base64url, in the format of src/crypto/cose.rs.
  public_key TEXT NOT NULL,
  -- The signature counter of the authenticator. It stays 0 on authenticators that do not count.
  sign_count INTEGER NOT NULL,
  -- Whether the passkey can be synced to other devices, and whether it is.
  is_backup_eligible INTEGER NOT NULL CHECK (is_backup_eligible IN (0, 1)),
  is_synced INTEGER NOT NULL CHECK (is_synced IN (0, 1)),
  -- The model of the authenticator, a UUID.
  aaguid TEXT NOT NULL,
  -- How the browser can reach the authenticator: a JSON array of text.
  transports TEXT NOT NULL CHECK (json_valid(transports)),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at);

-- No session below the level that its user requires, whatever code or script starts it. The INSERT then has no effect.
CREATE TRIGGER no_session_below_the_required_level
BEFORE INSERT ON sessions
WHEN new.level < 2 AND EXISTS (SELECT 1 FROM users WHERE id = new.user_id AND second_factor = 1)
BEGIN
  SELECT RAISE(IGNORE);
END;

-- Sessions from before the user required more end.
CREATE TRIGGER second_factor_ends_weaker_sessions
AFTER UPDATE OF second_factor ON users
WHEN old.second_factor = 0 AND new.second_factor = 1
BEGIN
  DELETE FROM sessions WHERE user_id = new.id AND level < 2;
END;

-- Recovery codes replace a second factor, so they end with the requirement.
CREATE TRIGGER recovery_codes_end_with_the_second_factor
AFTER UPDATE OF second_factor ON users
WHEN old.second_factor = 1 AND new.second_factor = 0
BEGIN
  DELETE FROM recovery_codes WHERE user_id = new.id;
END;

-- Nobody can prove a second factor that no longer exists, so the last one takes the requirement with it, and the level of the
-- sessions that were proven with it: otherwise they would pass for more, should the operator require a second factor later.
CREATE TRIGGER requirement_ends_with_the_last_totp
AFTER DELETE ON totp
BEGIN
  UPDATE users SET second_factor = 0
  WHERE id = old.user_id AND second_factor = 1
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
  UPDATE sessions SET level = 1, methods = 'password'
  WHERE user_id = old.user_id AND level = 2
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
END;

CREATE TRIGGER requirement_ends_with_the_last_passkey
AFTER DELETE ON passkeys
BEGIN
  UPDATE users SET second_factor = 0
  WHERE id = old.user_id AND second_factor = 1
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
  UPDATE sessions SET level = 1, methods = 'password'
  WHERE user_id = old.user_id AND level = 2
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
END;
