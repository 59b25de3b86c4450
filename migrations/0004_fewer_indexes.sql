-- What has expired is found by looking through a part of the table in each run of the cron trigger, and no longer by these
-- indexes: to keep them was a row more to write for each login and each attempt, and D1 bills a row written as a thousand
-- rows read.

DROP INDEX sessions_by_expiry;
DROP INDEX throttles_by_expiry;

-- Most events are logins: a page of them is found among the newest of all, and of the others by this.
DROP INDEX events_by_action;
CREATE INDEX events_by_action ON events (action) WHERE action <> 'login';
