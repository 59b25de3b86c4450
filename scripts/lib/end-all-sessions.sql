-- Run by `npm run admin -- end-all-sessions`: invalidates every credential that a leaked secret could forge or read, so that a
-- version of the Worker that still has the old secret rejects them too. Also run by tests/api/token_kinds.rs.
DELETE FROM sessions;
-- Live reset links. Their KV records are useless without this column.
UPDATE users SET password_reset_id = NULL WHERE password_reset_id IS NOT NULL;
-- Live one-time codes, for the same reason.
UPDATE one_time_passwords SET generation = NULL WHERE generation IS NOT NULL;
DELETE FROM user_tokens;
-- Sign-ins that wait for a second step: their tokens name the epoch.
UPDATE users SET password_epoch = password_epoch + 1;
-- One event without a subject, because it concerns every account. Event times never decrease.
INSERT INTO events (at, action, result, actor_id, address)
SELECT max(now, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), now)), 'sessions_ended', 'success', 'operator', 'terminal'
FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now);
