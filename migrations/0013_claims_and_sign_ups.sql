-- Sign-in by email, claims of unverified accounts, and requests to sign up. Code of the previous version runs on this schema.

-- When the owner of the mailbox last took over an account whose email nobody had verified. Setting it ends everything that was set up
-- before, whatever code or script does that: the account may have been created by someone else.
ALTER TABLE users ADD COLUMN claimed_at INTEGER;

CREATE TRIGGER claim_ends_what_was_set_up_before
AFTER UPDATE OF claimed_at ON users
WHEN new.claimed_at IS NOT NULL AND new.claimed_at IS NOT old.claimed_at
BEGIN
  DELETE FROM sessions WHERE user_id = new.id;
  DELETE FROM user_tokens WHERE user_id = new.id;
  DELETE FROM passkeys WHERE user_id = new.id;
  DELETE FROM totp WHERE user_id = new.id;
  DELETE FROM recovery_codes WHERE user_id = new.id;
  UPDATE users SET second_factor = 0, password_reset_id = NULL, must_change_password = 0 WHERE id = new.id;
END;

-- Codes by email that were asked for before this open nothing.
ALTER TABLE users ADD COLUMN email_codes_from INTEGER NOT NULL DEFAULT 0;

-- A new password, deactivation and activation end the codes that wait, whatever code or script does that.
CREATE TRIGGER email_codes_end_with_the_password_and_the_activity
AFTER UPDATE OF password_epoch, is_active ON users
WHEN new.password_epoch <> old.password_epoch OR new.is_active <> old.is_active
BEGIN
  UPDATE users SET email_codes_from = new.updated_at WHERE id = new.id;
END;

-- Requests to sign up that wait for an admin. Their emails are verified.
CREATE TABLE sign_ups (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  -- A PHC string, or empty for an account without a password.
  password_hash TEXT NOT NULL,
  name TEXT,
  -- What the applicant wrote to the admins.
  note TEXT,
  requested_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_ups_by_time ON sign_ups (requested_at);

-- Sessions lose the proof of a factor that no longer exists, and keep the first one: the password or the code by email.
DROP TRIGGER requirement_ends_with_the_last_totp;
CREATE TRIGGER requirement_ends_with_the_last_totp
AFTER DELETE ON totp
BEGIN
  UPDATE users SET second_factor = 0
  WHERE id = old.user_id AND second_factor = 1
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
  UPDATE sessions SET level = 1, methods = iif(instr(methods, 'email_code') > 0 AND instr(methods, 'password') = 0, 'email_code', 'password')
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
  UPDATE sessions SET level = 1, methods = iif(instr(methods, 'email_code') > 0 AND instr(methods, 'password') = 0, 'email_code', 'password')
  WHERE user_id = old.user_id AND level = 2
    AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = old.user_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = old.user_id);
END;
