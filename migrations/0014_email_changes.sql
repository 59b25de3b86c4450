-- Changes of email addresses: asked for, and done but still possible to undo.

-- The change that a user has asked for. Another one of the same user replaces it. It can be completed in the session that asked for
-- it, while the account has the email and the password that it had then.
CREATE TABLE email_changes (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  -- A random id. The one-time token of the asking browser names it.
  id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  -- users.password_epoch at that time.
  password_epoch INTEGER NOT NULL,
  old_email TEXT NOT NULL,
  new_email TEXT NOT NULL,
  -- A keyed hash of the code that was mailed to the new address.
  code_hash TEXT NOT NULL,
  -- The same for the old address. NULL if no code was mailed there.
  old_code_hash TEXT,
  -- The SHA-256 of the token in the link that was mailed to the old address. Not keyed, so that the link survives a rotation of
  -- AUTH_SECRET: the token has 256 random bits.
  undo_hash TEXT NOT NULL UNIQUE,
  -- Guesses at both codes together, right or wrong.
  guesses INTEGER NOT NULL,
  requested_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX email_changes_by_expiry ON email_changes (expires_at);

-- Changes that the owner of the old address can undo. While the row is there, nobody else can have that address.
CREATE TABLE undoable_email_changes (
  -- A later change has a larger one.
  number INTEGER PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  old_email TEXT NOT NULL,
  -- As in email_changes.
  undo_hash TEXT NOT NULL UNIQUE,
  -- When the change was asked for. To undo it ends what was set up since.
  requested_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX undoable_email_changes_by_user ON undoable_email_changes (user_id);
CREATE INDEX undoable_email_changes_by_old_email ON undoable_email_changes (old_email);
CREATE INDEX undoable_email_changes_by_expiry ON undoable_email_changes (expires_at);

-- A reserved address is taken, whatever code or script creates the user. The INSERT then has no effect, as with
-- `ON CONFLICT DO NOTHING`.
CREATE TRIGGER no_new_user_with_a_reserved_email
BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM undoable_email_changes WHERE old_email = new.email AND user_id <> new.id)
BEGIN
  SELECT RAISE(IGNORE);
END;

CREATE TRIGGER no_change_to_a_reserved_email
BEFORE UPDATE OF email ON users
WHEN old.email <> new.email
  AND EXISTS (SELECT 1 FROM undoable_email_changes WHERE old_email = new.email AND user_id <> new.id)
BEGIN
  SELECT RAISE(IGNORE);
END;

-- A code that was mailed to the old address does not verify the new one.
CREATE TRIGGER codes_end_with_the_email
AFTER UPDATE OF email ON users
WHEN old.email <> new.email
BEGIN
  UPDATE one_time_passwords SET generation = NULL WHERE user_id = new.id;
END;
