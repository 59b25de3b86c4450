-- Each run of the cron trigger scans a part of the table for expired rows, instead of using these indexes. They were one more row to
-- write for each login and attempt, and D1 bills a row written like a thousand rows read.

DROP INDEX sessions_by_expiry;
DROP INDEX throttles_by_expiry;

-- Most events are logins: a scan of the newest events finds a page of them. This index is for the others.
DROP INDEX events_by_action;
CREATE INDEX events_by_action ON events (action) WHERE action <> 'login';
