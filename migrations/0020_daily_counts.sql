-- Numbers for the overview of admins. Code of the previous version runs on this schema: it counts nothing.

-- What happened on a day, and how much there was of something at its beginning.
CREATE TABLE daily_counts (
  -- The day in UTC, as YYYY-MM-DD.
  day TEXT NOT NULL,
  -- One of domain/overview.rs, or `mail_sent:` or `mail_failed:` with the name of a mail provider.
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;

-- How far the cron trigger has counted: one row. It moves in the batch that counts, so nothing counts twice.
CREATE TABLE counting (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The last event that is counted.
  event_id INTEGER NOT NULL,
  -- The last day at whose beginning users and sessions were counted. Empty before the first one.
  snapshot_day TEXT NOT NULL
) STRICT;

INSERT INTO counting (id, event_id, snapshot_day) VALUES (1, 0, '');

-- For the list of admins, who are few.
CREATE INDEX admins_by_age ON users (created_at) WHERE role = 'admin';
