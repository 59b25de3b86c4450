-- Budgets of users, and counters of guesses that a new password or a right code starts over.

-- Counts the passwords that the account has had. A counter of guesses belongs to one of them: see throttles.epoch.
ALTER TABLE users ADD COLUMN password_epoch INTEGER NOT NULL DEFAULT 0;

-- Kept here, so that no code and no script that sets a password can forget it. A login that replaces a hash by one with other
-- parameters subtracts 1 in the same statement, because the password stays the same.
CREATE TRIGGER new_password_starts_a_new_epoch
AFTER UPDATE OF password_hash ON users
WHEN old.password_hash <> new.password_hash
BEGIN
  UPDATE users SET password_epoch = password_epoch + 1 WHERE id = new.id;
END;

-- The password_epoch of the account when the attempt was counted. With another one, the counter starts over. 0 for counters
-- that are not about passwords and for emails without an account.
ALTER TABLE throttles ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- Guesses since the last right code, under however many codes. A new code does not start them over.
ALTER TABLE one_time_passwords ADD COLUMN wrong_codes INTEGER NOT NULL DEFAULT 0;
-- No further guess before this.
ALTER TABLE one_time_passwords ADD COLUMN guess_blocked_until INTEGER NOT NULL DEFAULT 0;
-- wrong_codes means nothing from here on.
ALTER TABLE one_time_passwords ADD COLUMN wrong_codes_expire_at INTEGER NOT NULL DEFAULT 0;

-- A user has 100 live sessions at most (domain/session.rs); a login ends the oldest beyond. What there is beyond from before ends
-- here, so that a new password never has to end more than that at once.
DELETE FROM sessions WHERE id IN (
  SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY expires_at DESC) AS place FROM sessions)
  WHERE place > 100);

-- The budget of the subject for repeatable acts (domain/event.rs) after this event: when its hour began, and how many points of
-- it are used. The next event reads them from the newest one, so that a budget costs no further row and no further index. NULL
-- where an event is outside of it, such as an admin's act.
ALTER TABLE events ADD COLUMN budget_started_at INTEGER;
ALTER TABLE events ADD COLUMN budget_used INTEGER;
