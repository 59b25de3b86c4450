-- Devices and places of sign-ins. Code of the previous version runs on this schema. It writes rows without the new columns, which may be
-- NULL.

-- Where the session began, as far as the setting LOCATION allows: the country (ISO 3166-1 alpha-2) and the city.
ALTER TABLE sessions ADD COLUMN country TEXT;
ALTER TABLE sessions ADD COLUMN city TEXT;
-- When the session was last used, to the hour.
ALTER TABLE sessions ADD COLUMN last_seen_at INTEGER;

-- The device that the request came from, in words, and its place as in `sessions`. NULL if unknown, and if no request caused the event.
ALTER TABLE events ADD COLUMN browser TEXT;
ALTER TABLE events ADD COLUMN system TEXT;
ALTER TABLE events ADD COLUMN country TEXT;
ALTER TABLE events ADD COLUMN city TEXT;

-- The devices that a user has signed in from: at most 50, for at most 400 days.
CREATE TABLE devices (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- A keyed hash of browser, system, country and network (domain/device.rs).
  key TEXT NOT NULL,
  browser TEXT,
  system TEXT,
  -- The place of the first sign-in.
  country TEXT,
  city TEXT,
  first_sign_in_at INTEGER NOT NULL,
  -- The time of the last sign-in, to the hour.
  last_sign_in_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

-- The new owner of an unverified account has no device yet.
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
  DELETE FROM unlinked_identities WHERE user_id = new.id;
  DELETE FROM devices WHERE user_id = new.id;
  UPDATE users SET second_factor = 0, password_reset_id = NULL, must_change_password = 0 WHERE id = new.id;
END;
