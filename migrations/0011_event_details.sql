-- What an investigation needs of an event, and no address of a stranger in clear. All columns may be NULL, so code of the
-- previous version goes on writing rows without them.

-- The session that acted: its id, which opens nothing. NULL when nobody had signed in, as at a wrong password.
ALTER TABLE events ADD COLUMN session_id TEXT;
-- The role and tier of the subject before and after, as far as the act set them: a JSON object with `role`, `tier` or both.
-- NULL when the act set neither.
ALTER TABLE events ADD COLUMN old_value TEXT;
ALTER TABLE events ADD COLUMN new_value TEXT;

-- For an invitation by mail: the address it went to, encrypted like the token and bound to user_id. Deleted once somebody
-- has signed up with the token.
ALTER TABLE user_tokens ADD COLUMN sealed_recipient TEXT;
-- The name held the address in clear.
UPDATE user_tokens SET name = 'Invitation' WHERE name GLOB 'Invitation of *@*';
