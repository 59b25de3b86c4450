-- Administration: users listed newest first, freezing whatever a user has invited, and the audit log.

-- Which freeze deactivated this user: the id of the user at its root. NULL for users who are active or were deactivated in
-- another way. No foreign key: a freeze survives the account at its root, and can be undone by that id.
ALTER TABLE users ADD COLUMN frozen_by TEXT CHECK (frozen_by IS NULL OR is_active = 0);
-- When it did; NULL with frozen_by.
ALTER TABLE users ADD COLUMN frozen_at INTEGER;
CREATE INDEX users_by_freeze ON users (frozen_by) WHERE frozen_by IS NOT NULL;

-- The freezes in force. A user can be below several. When one is undone, users below a later one stay frozen.
CREATE TABLE freezes (
  -- The user at the root; the account may be gone.
  user_id TEXT PRIMARY KEY,
  -- Moves when the same user is frozen again.
  frozen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For pages of users, newest first. The partial indexes are for filters that match few users.
CREATE INDEX users_by_age ON users (created_at);
CREATE INDEX inactive_users_by_age ON users (created_at) WHERE is_active = 0;
CREATE INDEX unverified_users_by_age ON users (created_at) WHERE is_verified = 0;
-- Also the order within the invite tree.
DROP INDEX users_by_referrer;
CREATE INDEX users_by_referrer ON users (referrer_id, created_at);

-- The audit log: who did what to whom, when, from where, with which result. Rows are inserted in the batch of the action,
-- never changed, and deleted when they are old. Ids have no foreign keys: an event survives the account, of which it then only has
-- the id.
CREATE TABLE events (
  -- The newer event has the larger one.
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  -- One of domain/event.rs.
  action TEXT NOT NULL,
  -- `success`, or the code of the refusal.
  result TEXT NOT NULL,
  -- Who did it; NULL when nobody had signed in.
  actor_id TEXT,
  -- To whose account; NULL when there is none.
  subject_id TEXT,
  -- From where, as a keyed hash: the same address has the same one, and the address is not to be had from it.
  address TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_subject ON events (subject_id);
-- Most actions concern the actor's own account. Those are found by the subject, and cost no second index entry.
CREATE INDEX events_by_actor ON events (actor_id) WHERE actor_id <> subject_id;
CREATE INDEX events_by_action ON events (action);
