-- Identities of users at identity providers such as Google. Code of the previous version runs on this schema.

-- Issuer and subject are the identity (OpenID Connect Core 1.0, section 2). It belongs to one user.
CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  -- The id in the API.
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- The name of the provider in the settings.
  provider TEXT NOT NULL,
  -- The email at the provider when the identity was last used. It decides nothing.
  email TEXT,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_by_user ON identities (user_id, created_at);

-- Whoever takes over an unverified account may not be the one who linked the identities.
DROP TRIGGER claim_ends_what_was_set_up_before;
CREATE TRIGGER claim_ends_what_was_set_up_before
AFTER UPDATE OF claimed_at ON users
WHEN new.claimed_at IS NOT NULL AND new.claimed_at IS NOT old.claimed_at
BEGIN
  DELETE FROM sessions WHERE user_id = new.id;
  DELETE FROM user_tokens WHERE user_id = new.id;
  DELETE FROM passkeys WHERE user_id = new.id;
  DELETE FROM totp WHERE user_id = new.id;
  DELETE FROM recovery_codes WHERE user_id = new.id;
  DELETE FROM identities WHERE user_id = new.id;
  UPDATE users SET second_factor = 0, password_reset_id = NULL, must_change_password = 0 WHERE id = new.id;
END;

-- Sessions lose the proof of a factor that no longer exists, and keep the first one: the password, the code by email or the provider.
DROP TRIGGER requirement_ends_with_the_last_totp;
CREATE TRIGGER requirement_ends_with_the_last_totp
AFTER DELETE ON totp
BEGIN
  UPDATE users SET second_factor = 0
  WHERE id = old.user_id AND second_factor = 1
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
  UPDATE sessions SET level = 1, methods = CASE
    WHEN instr(methods, 'password') > 0 THEN 'password'
    WHEN instr(methods, 'email_code') > 0 THEN 'email_code'
    WHEN instr(methods, 'provider') > 0 THEN 'provider'
    ELSE 'password' END
  WHERE user_id = old.user_id AND level = 2
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
END;

DROP TRIGGER requirement_ends_with_the_last_passkey;
CREATE TRIGGER requirement_ends_with_the_last_passkey
AFTER DELETE ON passkeys
BEGIN
  UPDATE users SET second_factor = 0
  WHERE id = old.user_id AND second_factor = 1
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
  UPDATE sessions SET level = 1, methods = CASE
    WHEN instr(methods, 'password') > 0 THEN 'password'
    WHEN instr(methods, 'email_code') > 0 THEN 'email_code'
    WHEN instr(methods, 'provider') > 0 THEN 'provider'
    ELSE 'password' END
  WHERE user_id = old.user_id AND level = 2
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
END;
