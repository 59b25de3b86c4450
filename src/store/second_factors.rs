//! What a user can prove who they are with: the columns and tables that several kinds of proof share.

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Store,
    decode::flag,
    events,
    identities::Use as IdentityUse,
    mails, one_time,
    passkeys::Use,
    recovery_codes::{self, NewSet},
    retry, run, run_all,
    sessions::{self, Beginning, Begun, Condition, Proven},
    throttles::{self, Counter},
    totp::{self, RightCode},
    users::Account,
};
use crate::{
    domain::{
        Timestamp,
        email_problem::{self, EmailProblem},
        event::Event,
        throttle::Blocked,
    },
    ports::{Rows, Statement, StoreError},
};

/// The ways in which a user can prove who they are.
#[derive(Debug, Clone, Deserialize)]
pub struct Ways {
    /// Whether there is a password.
    #[serde(deserialize_with = "flag")]
    pub has_password: bool,
    /// Whether the email is verified.
    #[serde(deserialize_with = "flag")]
    pub is_verified: bool,
    /// Whether every session needs two factors.
    #[serde(rename = "second_factor", deserialize_with = "flag")]
    pub requires_second_factor: bool,
    /// When the authenticator app was confirmed, if there is one.
    pub totp_confirmed_at: Option<Timestamp>,
    /// When a code of it was last accepted.
    pub totp_last_used_at: Option<Timestamp>,
    /// The number of passkeys.
    pub passkeys: i64,
    /// The number of linked identities.
    pub identities: i64,
    /// The number of unused recovery codes.
    pub recovery_codes: i64,
    email_problem: Option<email_problem::Reason>,
    email_problem_at: Option<Timestamp>,
}

impl Ways {
    /// Returns the problem of the email address, if there is one. No code can be mailed to it.
    pub fn email_problem(&self) -> Option<EmailProblem> {
        Some(EmailProblem { reason: self.email_problem?, at: self.email_problem_at.unwrap_or_default() })
    }

    /// Reads the result of [`select`].
    pub(super) fn of(rows: &Rows) -> Result<Option<Ways>, StoreError> {
        rows.first()
    }
}

/// Returns the statement that reads the ways of a user.
pub(super) fn select(user_id: &str) -> Statement {
    Statement::new(
        "SELECT password_hash <> '' AS has_password, is_verified, second_factor, confirmed_at AS totp_confirmed_at,
           last_used_at AS totp_last_used_at, email_problem, email_problem_at,
           (SELECT count(*) FROM passkeys WHERE user_id = users.id) AS passkeys,
           (SELECT count(*) FROM identities WHERE user_id = users.id) AS identities,
           (SELECT count(*) FROM recovery_codes WHERE user_id = users.id) AS recovery_codes
         FROM users LEFT JOIN totp ON totp.user_id = users.id AND totp.confirmed_at IS NOT NULL
         WHERE users.id = ?1",
    )
    .bind(user_id)
}

/// Returns the ways of a user.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, user_id: &str) -> Result<Option<Ways>, StoreError> {
    Ways::of(&run(store, select(user_id)).await?)
}

/// A guess that was counted, and what it is compared with.
pub struct Guess<T> {
    /// The account, unless it was deleted.
    pub account: Option<Account>,
    /// What the user has: an authenticator app, or recovery codes.
    pub stored: Vec<T>,
}

/// Counts a guess at a code of the user's authenticator app, and reads the app, in one round trip.
///
/// # Errors
/// [`StoreError`].
pub async fn guess_totp(
    store: &Store,
    guesses: &Counter,
    user_id: &str,
    now: Timestamp,
) -> Result<Result<Guess<totp::Stored>, Blocked>, StoreError> {
    guess(store, guesses, user_id, totp::select(user_id), now).await
}

/// Counts a guess at a recovery code of the user, and reads all of them, in one round trip.
///
/// # Errors
/// [`StoreError`].
pub async fn guess_recovery_code(
    store: &Store,
    guesses: &Counter,
    user_id: &str,
    now: Timestamp,
) -> Result<Result<Guess<recovery_codes::Stored>, Blocked>, StoreError> {
    guess(store, guesses, user_id, recovery_codes::select(user_id), now).await
}

async fn guess<T: DeserializeOwned>(
    store: &Store,
    guesses: &Counter,
    user_id: &str,
    select: Statement,
    now: Timestamp,
) -> Result<Result<Guess<T>, Blocked>, StoreError> {
    let find = Statement::new("SELECT * FROM users WHERE id = ?1").bind(user_id);
    let [counted, account, stored] = run_all(store, [throttles::count_one(guesses, now), find, select]).await?;
    if let Err(blocked) = throttles::verdict(store, &[&counted], guesses, None, None, now).await? {
        return Ok(Err(blocked));
    }
    Ok(Ok(Guess { account: Account::of(&account)?, stored: stored.all()? }))
}

/// A sign-in that waits for its second step, with its one-time token.
pub struct Pending<'a> {
    /// The user.
    pub user_id: &'a str,
    /// The epoch of the password that was right at the first step.
    pub password_epoch: i64,
    /// The id of the token.
    pub token_id: &'a str,
    /// When the token expires.
    pub token_expires_at: Timestamp,
    /// What the first step has proven, unless it was the password.
    pub first_step: Option<Proven<'a>>,
    /// The identity of the first step, if it was a sign-in with a provider.
    pub identity: Option<IdentityUse<'a>>,
}

/// The right answer to the second step.
pub enum Answer<'a> {
    /// A code of the authenticator app.
    Totp(RightCode),
    /// A recovery code.
    RecoveryCode {
        /// Its id.
        id: &'a str,
        /// The event that says that it was used.
        event: &'a Event,
        /// The same for the user.
        notice: Option<&'a mails::Notice>,
    },
    /// A passkey.
    Passkey(Use<'a>),
}

/// Uses up the answer and the token, and starts the session. Has an effect if both are unused, the password is still the same, what the
/// first step has proven still holds, and the user is active. So of several concurrent requests with the same code or the same token, one starts a session. Returns whether this
/// one did.
///
/// # Errors
/// [`StoreError`].
pub async fn complete_sign_in(
    store: &Store,
    pending: &Pending<'_>,
    answer: &Answer<'_>,
    session: &sessions::New,
    guesses: &Counter,
    event: &Event,
) -> Result<Option<Begun>, StoreError> {
    let Pending { user_id, password_epoch, token_id, token_expires_at, first_step, identity } = *pending;
    let token = (token_id, password_epoch);
    let mut statements = match answer {
        Answer::Totp(code) => vec![totp::accept_for_sign_in(user_id, *code, session.now, Some(token))],
        Answer::RecoveryCode { id, .. } => vec![recovery_codes::use_up(id, user_id, token)],
        Answer::Passkey(used) => used.statements(session.now).into(),
    };
    statements.push(one_time::spend_if_changed(token_id, token_expires_at));
    let begins_at = statements.len();
    let condition = Condition::SecondStep { password_epoch, first_step };
    let Beginning { session: begin, device } = sessions::begin(session, user_id, condition);
    statements.push(begin);
    match *answer {
        Answer::Totp(_) | Answer::Passkey(_) => statements.push(events::insert_if_changed(event)),
        Answer::RecoveryCode { event: used, notice, .. } => {
            statements.extend(mails::event_and_notice(used, notice));
            statements.push(events::insert_if_session_is_there(event));
        }
    }
    statements.extend(device);
    statements.push(sessions::end_surplus(user_id, session));
    if !matches!(answer, Answer::Passkey(_)) {
        statements.extend(throttles::take_back_guess(guesses, &session.id, session.now));
    }
    statements.extend(identity.into_iter().flat_map(|identity| identity.statements(&session.id, session.now)));
    retry::batch(store, &statements).await?.get(begins_at).map(Rows::first).transpose().map(Option::flatten)
}

/// Makes an active user with a passkey require a second factor, and stores the recovery codes. The session must have two factors,
/// because the others end. Returns whether the requirement began.
///
/// # Errors
/// [`StoreError`].
pub async fn require(
    store: &Store,
    session_id: &str,
    codes: &NewSet,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    let require = Statement::new(
        "UPDATE users SET second_factor = 1
         WHERE id = ?1 AND second_factor = 0 AND is_active = 1 AND EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1)
           AND EXISTS (SELECT 1 FROM sessions WHERE id = ?2 AND user_id = ?1 AND level = 2 AND expires_at > ?3)
         RETURNING id",
    )
    .bind(codes.user_id.as_str())
    .bind(session_id)
    .bind(event.at);
    let insert = recovery_codes::insert_if_changed(codes, event.at);
    let mut statements = vec![require, insert];
    statements.extend(mails::event_and_notice(event, notice));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|required| required.any()))
}

/// Ends the requirement of a second factor of an active user with a password. The authenticator app and the recovery codes are deleted,
/// passkeys stay. Returns whether the requirement ended.
///
/// # Errors
/// [`StoreError`].
pub async fn stop_requiring(
    store: &Store,
    user_id: &str,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    // A trigger deletes the recovery codes.
    let stop = Statement::new(
        "UPDATE users SET second_factor = 0
         WHERE id = ?1 AND second_factor = 1 AND is_active = 1 AND password_hash <> '' RETURNING id",
    );
    let delete = Statement::new(
        "DELETE FROM totp
         WHERE user_id = ?1 AND confirmed_at IS NOT NULL
           AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND second_factor = 0)",
    );
    let mut statements = vec![stop.bind(user_id)];
    statements.extend(mails::event_and_notice(event, notice));
    statements.push(delete.bind(user_id));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|stopped| stopped.any()))
}
