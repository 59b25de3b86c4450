-- When the cron trigger last ran: one row, written every minute if replicas are read. A replica receives all changes in order, so
-- its heartbeat shows how far behind it can be.

CREATE TABLE heartbeat (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  beat_at INTEGER NOT NULL
) STRICT;
