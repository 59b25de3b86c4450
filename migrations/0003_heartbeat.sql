-- When the cron trigger last ran: one row, written every minute where reads go to replicas. A replica has every change in
-- order, so the beat that it knows tells how far behind it can be.

CREATE TABLE heartbeat (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  beat_at INTEGER NOT NULL
) STRICT;
