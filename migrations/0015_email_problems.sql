-- Addresses that mail does not reach. Webhooks of the mail providers set these columns. Code of the previous version ignores them.

-- Why mail no longer goes to this address, except security notices: `bounce` (the mailbox does not exist) or `complaint` (the recipient
-- marked a mail as spam). NULL if there is no problem.
ALTER TABLE users ADD COLUMN email_problem TEXT CHECK (email_problem IN ('bounce', 'complaint'));
-- When the provider reported it.
ALTER TABLE users ADD COLUMN email_problem_at INTEGER;

-- The problem is that of an address, so it ends with it.
CREATE TRIGGER email_problem_ends_with_the_address
AFTER UPDATE OF email ON users
WHEN old.email <> new.email AND new.email_problem IS NOT NULL
BEGIN
  UPDATE users SET email_problem = NULL, email_problem_at = NULL WHERE id = new.id;
END;
