//! The table `user_tokens`: tokens are found by a keyed hash and encrypted for their owner, so a copy of the database yields none.

use serde::Deserialize;

use super::{
    ReadFrom, Store, events, mails, retry, run, run_all, run_on,
    sessions::is_live_session,
    throttles::{self, Counter},
};
use crate::{
    crypto::keys::UserTokenKeys,
    domain::{
        Timestamp,
        email::Email,
        event::Event,
        throttle::Blocked,
        user_token::{INVITATION, MAX_LISTED_USERS, MAX_LIVE},
    },
    ports::{Statement, StoreError},
};

/// The condition that a token has not been used as often as it can be.
macro_rules! has_uses_left {
    () => {
        "(user_tokens.max_uses IS NULL OR user_tokens.uses < user_tokens.max_uses)"
    };
}
pub(super) use has_uses_left;

/// A new token, in the form in which it is stored.
pub struct New {
    /// The user who invites with it.
    pub user_id: String,
    /// The keyed hash that it is found by.
    pub lookup: String,
    /// The id of the keys.
    pub key_id: String,
    /// The id of the previous keys, if they are still accepted.
    pub previous_key_id: Option<String>,
    /// The token, encrypted for its owner's list.
    pub sealed: String,
    /// The email that it is mailed to, encrypted.
    pub sealed_recipient: Option<String>,
}

/// What the owner decides about a new token.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The name in the owner's list.
    pub name: Option<&'a str>,
    /// The note in the owner's list.
    pub note: Option<&'a str>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// How many users can sign up with it. `None` is any number.
    pub max_uses: Option<i64>,
}

/// Returns the context in which the email of an invitation is encrypted, so that it cannot be decrypted as a token.
pub fn recipient_context(user_id: &str) -> String {
    format!("recipient {user_id}")
}

/// Stores a token and queues the mail that carries it. Returns false if the user is no longer active, the session has ended, or the user has the maximum of
/// live tokens (those of a secret that is no longer accepted do not count).
///
/// # Errors
/// [`StoreError`].
pub async fn insert(
    store: &Store,
    new: &New,
    terms: Terms<'_>,
    mail: Option<&mails::Mail>,
    event: &Event,
) -> Result<bool, StoreError> {
    let insert = Statement::new(concat!(
        "INSERT INTO user_tokens (
           lookup, user_id, sealed, name, created_at, expires_at, key_id, sealed_recipient, note, max_uses)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?8, ?10, ?11, ?12
         WHERE EXISTS (SELECT 1 FROM users WHERE id = ?2 AND is_active = 1) AND ",
        is_live_session!("?13", "?2", "?5"),
        " AND ?7 > (
           SELECT count(*) FROM user_tokens WHERE user_id = ?2 AND expires_at > ?5 AND key_id IN (?8, ?9))
         RETURNING lookup"
    ))
    .bind(new.lookup.as_str())
    .bind(new.user_id.as_str())
    .bind(new.sealed.as_str())
    .bind(terms.name)
    .bind(event.at)
    .bind(terms.expires_at)
    .bind(MAX_LIVE)
    .bind(new.key_id.as_str())
    .bind(new.previous_key_id.as_deref())
    .bind(new.sealed_recipient.as_deref())
    .bind(terms.note)
    .bind(terms.max_uses)
    .bind(event.session_id.as_deref());
    let mut statements = vec![insert, events::insert_if_changed(event)];
    statements.extend(mail.map(|mail| mails::insert_if_token_is_there(mail, &new.lookup)));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|inserted| inserted.any()))
}

/// Returns the hashes that a token can be stored under, one per accepted key. NULL matches nothing.
fn lookups(keys: &[UserTokenKeys], token: &str) -> (Option<String>, Option<String>) {
    let mut lookups = keys.iter().map(|keys| keys.lookup.hash(&[token]));
    (lookups.next(), lookups.next())
}

/// Returns whether someone can sign up with this token: it is live, has uses left, and its owner is active. From a replica, the result can be as old as `heartbeat` allows.
///
/// # Errors
/// [`StoreError`].
pub async fn is_live(
    store: &Store,
    read_from: ReadFrom,
    keys: &[UserTokenKeys],
    token: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (current, previous) = lookups(keys, token);
    // `?4` is for the replica.
    let statement = Statement::new(concat!(
        "SELECT 1 AS found FROM user_tokens JOIN users ON users.id = user_tokens.user_id
         WHERE user_tokens.lookup IN (?1, ?2) AND user_tokens.expires_at > ?3 AND users.is_active = 1 AND ",
        has_uses_left!(),
        " AND (?4 IS NULL OR EXISTS (SELECT 1 FROM heartbeat WHERE beat_at > ?4))"
    ))
    .bind(current)
    .bind(previous)
    .bind(now);
    Ok(run_on(store, read_from, statement, now).await?.any())
}

/// An invitation that can be used.
#[derive(Debug, Deserialize)]
pub struct Open {
    /// The name of the user who invites.
    pub inviter: Option<String>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// How many more users can sign up with it. `None` is any number.
    pub uses_left: Option<i64>,
}

/// Returns the invitation with this token, if it is live as for [`is_live`].
///
/// # Errors
/// [`StoreError`].
pub async fn find_open(
    store: &Store,
    keys: &[UserTokenKeys],
    token: &str,
    now: Timestamp,
) -> Result<Option<Open>, StoreError> {
    let (current, previous) = lookups(keys, token);
    let statement = Statement::new(concat!(
        "SELECT users.name AS inviter, user_tokens.expires_at, user_tokens.max_uses - user_tokens.uses AS uses_left
         FROM user_tokens JOIN users ON users.id = user_tokens.user_id
         WHERE user_tokens.lookup IN (?1, ?2) AND user_tokens.expires_at > ?3 AND users.is_active = 1 AND ",
        has_uses_left!()
    ));
    run(store, statement.bind(current).bind(previous).bind(now)).await?.first()
}

/// What a sign-up needs to know of this token and email.
#[derive(Debug, Deserialize)]
pub struct Invitation {
    /// The hash of the live token.
    pub lookup: String,
    /// 1 if the email already has an account, or had one until a change that can be undone.
    pub email_taken: i64,
}

/// Counts a sign-up with `counter` and looks up the referrer. The email, if it is valid, is looked up in the same statement.
///
/// # Errors
/// [`StoreError`].
pub async fn attempt_sign_up(
    store: &Store,
    counter: &Counter,
    keys: &[UserTokenKeys],
    token: &str,
    email: Option<&Email>,
    now: Timestamp,
) -> Result<Result<Option<Invitation>, Blocked>, StoreError> {
    let (current, previous) = lookups(keys, token);
    let find = Statement::new(concat!(
        "SELECT user_tokens.lookup, EXISTS (SELECT 1 FROM users AS other WHERE other.email = ?4)
           OR EXISTS (SELECT 1 FROM undoable_email_changes WHERE old_email = ?4) AS email_taken
         FROM user_tokens JOIN users ON users.id = user_tokens.user_id
         WHERE user_tokens.lookup IN (?1, ?2) AND user_tokens.expires_at > ?3 AND users.is_active = 1 AND ",
        has_uses_left!()
    ))
    .bind(current)
    .bind(previous)
    .bind(now)
    .bind(email.map(Email::as_str));
    let [counted, found] = run_all(store, [throttles::count_one(counter, now), find]).await?;
    if let Err(blocked) = throttles::verdict(store, &[&counted], counter, None, None, now).await? {
        return Ok(Err(blocked));
    }
    Ok(Ok(found.first()?))
}

/// A token as stored.
#[derive(Debug, Deserialize)]
pub struct Stored {
    /// The encrypted token.
    pub sealed: String,
    sealed_recipient: Option<String>,
    name: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The note in the owner's list.
    pub note: Option<String>,
    /// How many users can sign up with it. `None` is any number.
    pub max_uses: Option<i64>,
    /// How many users have signed up with it.
    pub uses: i64,
}

impl Stored {
    /// Returns the token, if one of the accepted keys can decrypt it for this user.
    pub fn open(&self, keys: &[UserTokenKeys], user_id: &str) -> Option<String> {
        keys.iter().find_map(|keys| keys.seal.open(&self.sealed, user_id))
    }

    /// Returns the name for the owner's list. The name of an invitation has the recipient, until someone signs up with it.
    pub fn display_name(&self, keys: &[UserTokenKeys], user_id: &str) -> Option<String> {
        let open = |sealed: &String| keys.iter().find_map(|keys| keys.seal.open(sealed, &recipient_context(user_id)));
        match self.sealed_recipient.as_ref().and_then(open) {
            Some(email) => Some(format!("{INVITATION} of {email}")),
            None => self.name.clone(),
        }
    }
}

/// Returns the live tokens of a user, latest expiry first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, user_id: &str, now: Timestamp) -> Result<Vec<Stored>, StoreError> {
    let statement = Statement::new(
        "SELECT sealed, sealed_recipient, name, created_at, expires_at, note, max_uses, uses FROM user_tokens
         WHERE user_id = ?1 AND expires_at > ?2 ORDER BY expires_at DESC",
    );
    run(store, statement.bind(user_id).bind(now)).await?.all()
}

/// A user who signed up with a token.
#[derive(Debug, Deserialize)]
pub struct Invited {
    /// The id.
    pub id: String,
    /// The name.
    pub name: Option<String>,
    /// When they signed up.
    pub created_at: Timestamp,
}

/// Returns the newest users who signed up with a live token of this owner, newest first. `None` if there is no such token.
///
/// # Errors
/// [`StoreError`].
pub async fn users_of(
    store: &Store,
    keys: &[UserTokenKeys],
    owner_id: &str,
    token: &str,
    now: Timestamp,
) -> Result<Option<Vec<Invited>>, StoreError> {
    let (current, previous) = lookups(keys, token);
    let find = Statement::new(
        "SELECT 1 AS found FROM user_tokens WHERE lookup IN (?1, ?2) AND user_id = ?3 AND expires_at > ?4",
    );
    let find = find.bind(current.as_deref()).bind(previous.as_deref()).bind(owner_id).bind(now);
    // A lookup belongs to one owner, so the referrer is theirs too, unless an admin has deleted that account.
    let select = Statement::new(
        "SELECT id, name, created_at FROM users WHERE invitation IN (?1, ?2) AND referrer_id = ?3
         ORDER BY created_at DESC, id LIMIT ?4",
    );
    let select = select.bind(current).bind(previous).bind(owner_id).bind(MAX_LISTED_USERS);
    let [found, users] = run_all(store, [find, select]).await?;
    if !found.any() {
        return Ok(None);
    }
    users.all().map(Some)
}

/// How a user came to the service.
#[derive(Debug, Deserialize)]
pub struct Origin {
    /// The id of the user who invited them.
    pub referrer_id: Option<String>,
    /// The email of that user.
    pub referrer_email: Option<String>,
    /// The name of that user.
    pub referrer_name: Option<String>,
    /// The time when the invitation was created, if it still exists.
    pub created_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// The name of the invitation.
    pub name: Option<String>,
    /// How many users can sign up with it.
    pub max_uses: Option<i64>,
    /// How many users have signed up with it.
    pub uses: Option<i64>,
}

/// Returns how a user came to the service. `None` if there is no such user.
///
/// # Errors
/// [`StoreError`].
pub async fn origin_of(store: &Store, user_id: &str) -> Result<Option<Origin>, StoreError> {
    let statement = Statement::new(
        "SELECT referrer.id AS referrer_id, referrer.email AS referrer_email, referrer.name AS referrer_name,
           user_tokens.created_at, user_tokens.expires_at, user_tokens.name, user_tokens.max_uses, user_tokens.uses
         FROM users
         LEFT JOIN users AS referrer ON referrer.id = users.referrer_id
         LEFT JOIN user_tokens ON user_tokens.lookup = users.invitation
         WHERE users.id = ?1",
    );
    run(store, statement.bind(user_id)).await?.first()
}

/// Deletes the recipient of an invitation after this user has signed up with it.
pub(super) fn forget_recipient(lookup: &str, new_user_id: &str) -> Statement {
    Statement::new(
        "UPDATE user_tokens SET sealed_recipient = NULL
         WHERE lookup = ?1 AND sealed_recipient IS NOT NULL AND EXISTS (SELECT 1 FROM users WHERE id = ?2)",
    )
    .bind(lookup)
    .bind(new_user_id)
}

/// Deletes a live token of the user. Returns whether it existed.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(
    store: &Store,
    keys: &[UserTokenKeys],
    user_id: &str,
    token: &str,
    event: &Event,
) -> Result<bool, StoreError> {
    let (current, previous) = lookups(keys, token);
    let delete = Statement::new(
        "DELETE FROM user_tokens WHERE lookup IN (?1, ?2) AND user_id = ?3 AND expires_at > ?4 RETURNING lookup",
    );
    let delete = delete.bind(current).bind(previous).bind(user_id).bind(event.at);
    let [deleted, _] = run_all(store, [delete, events::insert_if_changed(event)]).await?;
    Ok(deleted.any())
}
