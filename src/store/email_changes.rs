//! The tables `email_changes` and `undoable_email_changes`: changes of email addresses.

use serde::Deserialize;

use super::{
    Store,
    decode::flag,
    events,
    mails::{self, Mail},
    retry, run, run_all,
    throttles::{self, Counter},
};
use crate::{
    domain::{
        Timestamp,
        email_change::{MAX_GUESSES, SETTLED, UNDO_PERIOD},
        event::Event,
        throttle::Blocked,
    },
    language::{self, Language},
    ports::{Statement, StoreError},
};

/// The condition that nobody but this user has the email or has it reserved.
macro_rules! is_free {
    ($email:literal, $user:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM users AS other WHERE other.email = ",
            $email,
            " AND other.id <> ",
            $user,
            ") AND NOT EXISTS (SELECT 1 FROM undoable_email_changes AS other WHERE other.old_email = ",
            $email,
            " AND other.user_id <> ",
            $user,
            ")"
        )
    };
}

/// The condition that the change in `email_changes` can be completed at this time by its user in `users`: the session is live, the
/// account is as it was, and the old address is confirmed if it must be (`domain::email_change::confirms_old`).
macro_rules! is_live {
    ($now:literal) => {
        concat!(
            "users.id = email_changes.user_id AND email_changes.expires_at > ",
            $now,
            " AND users.is_active = 1 AND users.email = email_changes.old_email
             AND users.password_epoch = email_changes.password_epoch
             AND (old_code_hash IS NOT NULL OR is_verified = 0 OR second_factor = 1 OR instr(users.email, '@') = 0)
             AND EXISTS (
               SELECT 1 FROM sessions
               WHERE sessions.id = email_changes.session_id AND sessions.user_id = users.id AND sessions.expires_at > ",
            $now,
            ")"
        )
    };
}

/// Counts a request for a change. Returns whether somebody else has the new address, or has it reserved.
///
/// # Errors
/// [`StoreError`].
pub async fn count_request(
    store: &Store,
    counters: &(Counter, Counter),
    user_id: &str,
    email: &str,
    now: Timestamp,
) -> Result<Result<bool, Blocked>, StoreError> {
    let (by_user, by_email) = counters;
    let find = Statement::new(concat!("SELECT 1 AS found WHERE ", is_free!("?1", "?2"))).bind(email).bind(user_id);
    let [counted_by_email, counted_by_user] = throttles::count_both(by_email, by_user, now);
    let [first, second, free] = run_all(store, [counted_by_email, counted_by_user, find]).await?;
    let verdict = throttles::verdict(store, &[&first, &second], by_email, None, Some(by_user), now).await?;
    Ok(verdict.map(|()| !free.any()))
}

/// A change that a user asks for.
pub struct New<'a> {
    /// Its id.
    pub id: &'a str,
    /// The user.
    pub user_id: &'a str,
    /// The session that asks.
    pub session_id: &'a str,
    /// The current address.
    pub old_email: &'a str,
    /// The new address.
    pub new_email: &'a str,
    /// The keyed hash of the code for the new address.
    pub code_hash: &'a str,
    /// The keyed hash of the code for the old address, if one is needed.
    pub old_code_hash: Option<&'a str>,
    /// The hash of the token of the undo link.
    pub undo_hash: &'a str,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Stores a change, which replaces the previous one of the user, and queues its mails. Returns whether the session is live, the
/// address is free, and the codes are those that are needed.
///
/// # Errors
/// [`StoreError`].
pub async fn begin(store: &Store, change: &New<'_>, queued: &[&Mail], event: &Event) -> Result<bool, StoreError> {
    let begin = Statement::new(concat!(
        "INSERT INTO email_changes (
           user_id, id, session_id, password_epoch, old_email, new_email, code_hash, old_code_hash, undo_hash, guesses, requested_at,
           expires_at)
         SELECT users.id, ?2, ?3, users.password_epoch, users.email, ?5, ?6, ?7, ?8, 0, ?9, ?10 FROM users
         WHERE users.id = ?1 AND users.is_active = 1 AND users.email = ?4
           AND (?7 IS NOT NULL OR is_verified = 0 OR second_factor = 1 OR instr(users.email, '@') = 0)
           AND EXISTS (SELECT 1 FROM sessions WHERE sessions.id = ?3 AND sessions.user_id = ?1 AND sessions.expires_at > ?9)
           AND ",
        is_free!("?5", "?1"),
        " ON CONFLICT (user_id) DO UPDATE SET
           id = excluded.id, session_id = excluded.session_id, password_epoch = excluded.password_epoch,
           old_email = excluded.old_email, new_email = excluded.new_email, code_hash = excluded.code_hash,
           old_code_hash = excluded.old_code_hash, undo_hash = excluded.undo_hash, guesses = 0,
           requested_at = excluded.requested_at, expires_at = excluded.expires_at
         RETURNING user_id"
    ))
    .bind(change.user_id)
    .bind(change.id)
    .bind(change.session_id)
    .bind(change.old_email)
    .bind(change.new_email)
    .bind(change.code_hash)
    .bind(change.old_code_hash)
    .bind(change.undo_hash)
    .bind(event.at)
    .bind(change.expires_at);
    let mut statements = vec![begin, events::insert_if_changed(event)];
    statements.extend(queued.iter().map(|mail| mails::insert_if_changed(mail)));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|begun| begun.any()))
}

/// A change that waits for its codes.
#[derive(Debug, Deserialize)]
pub struct Pending {
    /// The new address.
    pub new_email: String,
    /// Whether a code from the old address is needed too.
    #[serde(deserialize_with = "flag")]
    pub confirms_old: bool,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Returns the change of a user that waits for its codes.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, user_id: &str, now: Timestamp) -> Result<Option<Pending>, StoreError> {
    let statement = Statement::new(concat!(
        "SELECT new_email, old_code_hash IS NOT NULL AS confirms_old, email_changes.expires_at
         FROM email_changes JOIN users ON users.id = email_changes.user_id
         WHERE email_changes.user_id = ?1 AND guesses < ?3 AND ",
        is_live!("?2")
    ));
    run(store, statement.bind(user_id).bind(now).bind(MAX_GUESSES)).await?.first()
}

/// What guesses are compared with.
#[derive(Debug, Deserialize)]
pub struct Codes {
    /// The current address.
    pub old_email: String,
    /// The keyed hash of the code for the new address.
    pub code_hash: String,
    /// The keyed hash of the code for the old address, if one is needed.
    pub old_code_hash: Option<String>,
}

/// Which change a request is about.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The id of the change.
    pub id: &'a str,
    /// Its user.
    pub user_id: &'a str,
    /// The session of the request. It must be the one that asked for the change.
    pub session_id: &'a str,
}

/// Counts a guess before it is checked: for the change, for the user, and for the new address. Returns `None` if the change is not
/// there, can no longer be completed, or was guessed too often.
///
/// # Errors
/// [`StoreError`].
pub async fn guess(
    store: &Store,
    counters: &(Counter, Counter),
    change: Named<'_>,
    now: Timestamp,
) -> Result<Result<Option<Codes>, Blocked>, StoreError> {
    let (by_user, by_email) = counters;
    let guess = Statement::new(concat!(
        "UPDATE email_changes SET guesses = guesses + 1
         WHERE user_id = ?1 AND id = ?2 AND session_id = ?3 AND guesses < ?5 AND EXISTS (SELECT 1 FROM users WHERE ",
        is_live!("?4"),
        ") AND NOT EXISTS (SELECT 1 FROM throttles WHERE key IN (?6, ?7) AND blocked_until > ?4)
         RETURNING old_email, code_hash, old_code_hash"
    ))
    .bind(change.user_id)
    .bind(change.id)
    .bind(change.session_id)
    .bind(now)
    .bind(MAX_GUESSES)
    .bind(by_user.key())
    .bind(by_email.key());
    let [counted_by_user, counted_by_email] = throttles::count_both(by_user, by_email, now);
    let [guessed, first, second] = run_all(store, [guess, counted_by_user, counted_by_email]).await?;
    match throttles::verdict(store, &[&first, &second], by_user, None, Some(by_email), now).await? {
        Ok(()) => Ok(Ok(guessed.first()?)),
        Err(blocked) => Ok(Err(blocked)),
    }
}

/// What became of a change whose codes were right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// The user has the new address.
    Done,
    /// Somebody else has it, or has it reserved.
    EmailTaken,
    /// The change can no longer be completed.
    Refused,
}

#[derive(Deserialize)]
struct Free {
    #[serde(deserialize_with = "flag")]
    is_free: bool,
}

/// Gives the user the new address, which is verified. Ends every other session and the reset link, and queues the mail to the old
/// address. If that was verified, the change can be undone, and the address is reserved meanwhile. One of several concurrent calls
/// succeeds.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(
    store: &Store,
    change: Named<'_>,
    new_email: &str,
    mail: Option<&Mail>,
    event: &Event,
) -> Result<Completion, StoreError> {
    let now = event.at;
    let bind = |sql| {
        let statement = Statement::new(sql).bind(change.user_id).bind(change.id).bind(change.session_id);
        statement.bind(new_email).bind(now)
    };
    // Before the change, because only an address that was verified is reserved: anyone can sign up with any other.
    let reserve = bind(concat!(
        "INSERT INTO undoable_email_changes (user_id, old_email, undo_hash, requested_at, expires_at)
         SELECT users.id, old_email, undo_hash, requested_at, ?5 + ?6 FROM email_changes JOIN users ON users.id = email_changes.user_id
         WHERE email_changes.user_id = ?1 AND email_changes.id = ?2 AND session_id = ?3 AND new_email = ?4 AND is_verified = 1
           AND instr(old_email, '@') > 0
           AND NOT EXISTS (SELECT 1 FROM undoable_email_changes AS back WHERE back.user_id = ?1 AND back.old_email = ?4) AND ",
        is_live!("?5"),
        " AND ",
        is_free!("?4", "?1"),
        " ON CONFLICT (undo_hash) DO NOTHING"
    ))
    .bind(UNDO_PERIOD);
    let update = bind(concat!(
        "UPDATE users SET email = ?4, is_verified = 1, password_reset_id = NULL, updated_at = max(?5, updated_at + 1)
         WHERE id = ?1 AND EXISTS (
             SELECT 1 FROM email_changes
             WHERE email_changes.user_id = ?1 AND email_changes.id = ?2 AND session_id = ?3 AND new_email = ?4 AND ",
        is_live!("?5"),
        ") AND ",
        is_free!("?4", "?1"),
        " RETURNING id"
    ));
    let mut statements = vec![reserve, update, events::insert_if_changed(event)];
    statements.extend(mail.map(mails::insert_if_changed));
    let find = Statement::new(concat!("SELECT ", is_free!("?1", "?2"), " AS is_free"));
    statements.extend([
        bind(
            "DELETE FROM sessions WHERE user_id = ?1 AND id <> ?3
               AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND email = ?4)
               AND EXISTS (SELECT 1 FROM email_changes WHERE user_id = ?1 AND id = ?2 AND expires_at > ?5)",
        ),
        // Back at an address that the account had before: the addresses between have no claim on it.
        bind(
            "DELETE FROM undoable_email_changes
             WHERE user_id = ?1 AND number >= (
                 SELECT min(number) FROM undoable_email_changes AS back WHERE back.user_id = ?1 AND back.old_email = ?4)
               AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND email = ?4)
               AND EXISTS (SELECT 1 FROM email_changes WHERE user_id = ?1 AND id = ?2 AND session_id = ?3 AND expires_at > ?5)",
        ),
        bind(
            "DELETE FROM email_changes WHERE user_id = ?1 AND id = ?2 AND session_id = ?3 AND expires_at > ?5
               AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND email = ?4)",
        ),
        find.bind(new_email).bind(change.user_id),
    ]);
    let answers = retry::batch(store, &statements).await?;
    if answers.get(1).is_some_and(|updated| updated.any()) {
        return Ok(Completion::Done);
    }
    let free: Option<Free> = answers.last().map(|rows| rows.first()).transpose()?.flatten();
    Ok(if free.is_some_and(|free| free.is_free) { Completion::Refused } else { Completion::EmailTaken })
}

/// Stops the change of a user that waits for its codes, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn cancel(store: &Store, user_id: &str, event: &Event) -> Result<(), StoreError> {
    let cancel = Statement::new("DELETE FROM email_changes WHERE user_id = ?1").bind(user_id);
    run_all(store, [cancel, events::insert_if_changed(event)]).await.map(drop)
}

/// A change that an undo link is about.
#[derive(Debug, Deserialize)]
pub struct Undoable {
    /// The user.
    pub user_id: String,
    /// The address before the change.
    pub old_email: String,
    /// The address now.
    pub email: String,
    /// The name of the user.
    pub name: Option<String>,
    /// The language of the user, if it is known.
    #[serde(with = "language::stored")]
    pub locale: Option<Language>,
    /// The place of the change among those that were completed, or `None` if it still waits for its codes.
    pub number: Option<i64>,
}

/// Returns the change that the link with this hash stops or undoes.
///
/// # Errors
/// [`StoreError`].
pub async fn find_undoable(store: &Store, undo_hash: &str, now: Timestamp) -> Result<Option<Undoable>, StoreError> {
    let statement = Statement::new(
        "SELECT user_id, old_email, email, name, locale, NULL AS number FROM email_changes JOIN users ON users.id = user_id
         WHERE undo_hash = ?1 AND expires_at > ?2
         UNION ALL
         SELECT user_id, old_email, email, name, locale, number FROM undoable_email_changes JOIN users ON users.id = user_id
         WHERE undo_hash = ?1 AND expires_at > ?2",
    );
    run(store, statement.bind(undo_hash).bind(now)).await?.first()
}

/// Stops a change that waits for its codes, for the owner of the old address. Returns whether it still waited.
///
/// # Errors
/// [`StoreError`].
pub async fn cancel_by_link(store: &Store, undo_hash: &str, event: &Event) -> Result<bool, StoreError> {
    let cancel = Statement::new("DELETE FROM email_changes WHERE undo_hash = ?1 RETURNING user_id").bind(undo_hash);
    let [cancelled, _] = run_all(store, [cancel, events::insert_if_changed(event)]).await?;
    Ok(cancelled.any())
}

/// A change to undo.
pub struct Undo<'a> {
    /// Its user.
    pub user_id: &'a str,
    /// Its place.
    pub number: i64,
    /// The hash of the token.
    pub undo_hash: &'a str,
    /// The address before the change.
    pub old_email: &'a str,
    /// The id of the reset link that the owner gets.
    pub reset_id: &'a str,
    /// The mail with that link.
    pub reset: &'a Mail,
    /// The notice to the other address.
    pub notice: Option<&'a Mail>,
}

/// Gives the user the old address back, which is verified, and removes the password. Ends every session, and the passkeys, the
/// authenticator app, recovery codes, user tokens and linked identities from since a day before the change was asked for ([`SETTLED`]). Later changes end too. Queues a mail with a
/// reset link if the account is active. One of several concurrent calls succeeds. Returns whether this one did.
///
/// # Errors
/// [`StoreError`].
pub async fn undo(store: &Store, undo: &Undo<'_>, event: &Event) -> Result<bool, StoreError> {
    let bind = |sql| {
        let statement = Statement::new(sql).bind(undo.user_id).bind(undo.number).bind(undo.undo_hash);
        statement.bind(event.at).bind(undo.old_email)
    };
    let restore = bind(concat!(
        "UPDATE users SET email = ?5, is_verified = 1, password_hash = '', password_epoch = password_epoch + 1,
           must_change_password = 0, password_reset_id = iif(is_active, ?6, NULL), updated_at = max(?4, updated_at + 1)
         WHERE id = ?1 AND EXISTS (
             SELECT 1 FROM undoable_email_changes WHERE number = ?2 AND user_id = ?1 AND undo_hash = ?3 AND expires_at > ?4)
           AND ",
        is_free!("?5", "?1"),
        " RETURNING id"
    ))
    .bind(undo.reset_id);
    /// The statement that deletes rows of the user if the change has just been undone. `since` stands for the time of the request.
    macro_rules! delete {
        ($table:literal, $condition:literal) => {
            bind(concat!(
                "DELETE FROM ",
                $table,
                " WHERE user_id = ?1 AND EXISTS (
                   SELECT 1 FROM undoable_email_changes AS undone JOIN users ON users.id = undone.user_id
                   WHERE undone.number = ?2 AND undone.user_id = ?1 AND undone.undo_hash = ?3 AND undone.expires_at > ?4
                     AND users.email = ?5 AND users.password_hash = '' AND ",
                $condition,
                ")"
            ))
        };
    }
    let mut statements = vec![restore, events::insert_if_changed(event)];
    statements.extend(undo.notice.map(mails::insert_if_changed));
    statements.push(mails::insert_if_reset_is(undo.reset, undo.user_id, undo.reset_id));
    // The order matters: triggers look at the second factors that are left, and the last statement deletes what the others ask for.
    statements.extend([
        delete!("sessions", "1"),
        delete!("totp", "(totp.created_at >= requested_at - ?6 OR totp.confirmed_at >= requested_at - ?6)")
            .bind(SETTLED),
        delete!("passkeys", "passkeys.created_at >= requested_at - ?6").bind(SETTLED),
        delete!("recovery_codes", "recovery_codes.created_at >= requested_at - ?6").bind(SETTLED),
        delete!("user_tokens", "user_tokens.created_at >= requested_at - ?6").bind(SETTLED),
        delete!("identities", "identities.created_at >= requested_at - ?6").bind(SETTLED),
        delete!("email_changes", "1"),
        delete!("undoable_email_changes", "undoable_email_changes.number >= undone.number"),
    ]);
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|restored| restored.any()))
}
