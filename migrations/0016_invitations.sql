-- Invitations with a limited number of uses, and who came by which. Code of the previous version runs on this schema: its tokens have no
-- limit, and its sign-ups are not counted.

-- How many users can sign up with the token. NULL: any number.
ALTER TABLE user_tokens ADD COLUMN max_uses INTEGER CHECK (max_uses > 0);
-- How many have.
ALTER TABLE user_tokens ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
-- A text for its owner's list. The invited person does not see it.
ALTER TABLE user_tokens ADD COLUMN note TEXT;

-- The `lookup` of the token that the user signed up with. No foreign key: users outlive the token, and a lookup is never used again.
ALTER TABLE users ADD COLUMN invitation TEXT;
CREATE INDEX users_by_invitation ON users (invitation, created_at) WHERE invitation IS NOT NULL;

-- Counts in the statement that creates the user, so no sign-up can forget it. That statement also compares `uses` with `max_uses`, and
-- SQLite runs one statement at a time.
CREATE TRIGGER sign_up_uses_the_invitation
AFTER INSERT ON users
WHEN new.invitation IS NOT NULL
BEGIN
  UPDATE user_tokens SET uses = uses + 1 WHERE lookup = new.invitation;
END;
