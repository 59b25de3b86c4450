-- What `npm run admin -- end-all-sessions` does: deletes everything that a secret of the deployment opens, so that a version of the
-- Worker that still has the old secret accepts none of it either. Also run by tests/api/token_kinds.rs.
DELETE FROM sessions;
-- The live reset links. What KV has of them opens nothing without this.
UPDATE users SET password_reset_id = NULL WHERE password_reset_id IS NOT NULL;
-- The live one-time codes, likewise.
UPDATE one_time_passwords SET generation = NULL WHERE generation IS NOT NULL;
DELETE FROM user_tokens;
-- One event without a subject: it concerns every account. No event is earlier than the one before it.
INSERT INTO events (at, action, result, actor_id, address)
SELECT max(now, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), now)), 'sessions_ended', 'success', 'operator', 'terminal'
FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now);
