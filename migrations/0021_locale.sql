-- The language of users. Code of the previous version runs on this schema: it stores none.

-- The tag of a language that the service speaks (src/language), or NULL if it is not known.
ALTER TABLE users ADD COLUMN locale TEXT;

-- As above. It becomes that of the account.
ALTER TABLE sign_ups ADD COLUMN locale TEXT;
