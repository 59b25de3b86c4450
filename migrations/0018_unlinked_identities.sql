-- Identities that were unlinked, and those of requests to sign up. Code of the previous version runs on this schema.

-- An identity that was unlinked from this account. It signs in to the account again only if the user links it themselves: the same
-- verified email no longer does.
CREATE TABLE unlinked_identities (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (user_id, issuer, subject)
) STRICT, WITHOUT ROWID;

-- Whatever code or script unlinks it, up to 1,000 for an account. Without the account, nothing is remembered.
CREATE TRIGGER unlinking_is_remembered
AFTER DELETE ON identities
WHEN EXISTS (SELECT 1 FROM users WHERE id = old.user_id)
  AND (SELECT count(*) FROM unlinked_identities WHERE user_id = old.user_id) < 1000
BEGIN
  INSERT INTO unlinked_identities (user_id, issuer, subject) VALUES (old.user_id, old.issuer, old.subject)
  ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER linking_is_remembered
AFTER INSERT ON identities
BEGIN
  DELETE FROM unlinked_identities WHERE user_id = new.user_id AND issuer = new.issuer AND subject = new.subject;
END;

-- The new owner of an unverified account has not unlinked anything.
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
  UPDATE users SET second_factor = 0, password_reset_id = NULL, must_change_password = 0 WHERE id = new.id;
END;

-- The identity with which the user asked to sign up. The approved account is linked to it.
ALTER TABLE sign_ups ADD COLUMN issuer TEXT;
ALTER TABLE sign_ups ADD COLUMN subject TEXT;
ALTER TABLE sign_ups ADD COLUMN provider TEXT;
