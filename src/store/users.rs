//! The table `users`.

use serde::Deserialize;

use super::{
    Store,
    decode::flag,
    email_proofs::ProvenToken,
    events, mails,
    recovery_codes::{self, NewSet},
    retry, run, run_all,
    second_factors::{self, Ways},
    sessions::{self, Beginning, Begun, Condition, is_live_session},
    throttles::{self, Counter, PasswordAttempt, PasswordCounters, PasswordProof},
    user_tokens::{self, has_uses_left},
};
use crate::{
    domain::{Timestamp, email::Email, event::Event, proof::Proof, throttle::Blocked, user::User},
    language::Language,
    ports::{Rows, Statement, StoreError},
};

/// A user with the columns that only the service itself reads.
#[derive(Debug)]
pub struct Account {
    /// The public part.
    pub user: User,
    /// A PHC string, or empty if the user has no password.
    pub password_hash: String,
    /// Changes with every new password, but not when a login replaces the hash of the same one. So it shows whether the verified
    /// password is still the current one, even while several logins replace the hash.
    pub password_epoch: i64,
    /// Whether the default password must be changed.
    pub must_change_password: bool,
    /// Whether every session of the user needs two factors.
    pub requires_second_factor: bool,
    /// Codes by email that were asked for before this open nothing.
    pub email_codes_from: Timestamp,
}

/// The columns that only the service itself reads.
#[derive(Deserialize)]
struct Secret {
    password_hash: String,
    password_epoch: i64,
    #[serde(deserialize_with = "flag")]
    must_change_password: bool,
    #[serde(deserialize_with = "flag")]
    second_factor: bool,
    email_codes_from: Timestamp,
}

impl Account {
    /// Returns the account in the first row, if there is one.
    pub(super) fn of(rows: &Rows) -> Result<Option<Account>, StoreError> {
        // Parsed twice, because serde would copy the values of a nested struct.
        let (Some(user), Some(secret)) = (rows.first()?, rows.first()?) else { return Ok(None) };
        let Secret { password_hash, password_epoch, must_change_password, second_factor, email_codes_from } = secret;
        let requires_second_factor = second_factor;
        Ok(Some(Account {
            user,
            password_hash,
            password_epoch,
            must_change_password,
            requires_second_factor,
            email_codes_from,
        }))
    }
}

/// Returns whether there is any account.
///
/// # Errors
/// [`StoreError`].
pub async fn any(store: &Store) -> Result<bool, StoreError> {
    Ok(run(store, Statement::new("SELECT 1 AS found FROM users LIMIT 1")).await?.any())
}

/// Returns the user with this id.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, user_id: &str) -> Result<Option<User>, StoreError> {
    run(store, Statement::new("SELECT * FROM users WHERE id = ?1").bind(user_id)).await?.first()
}

/// Returns the user with this email.
///
/// # Errors
/// [`StoreError`].
pub async fn find_by_email(store: &Store, email: &Email) -> Result<Option<User>, StoreError> {
    run(store, Statement::new("SELECT * FROM users WHERE email = ?1").bind(email.as_str())).await?.first()
}

/// Returns whether this is an active admin.
///
/// # Errors
/// [`StoreError`].
pub async fn is_active_admin(store: &Store, user_id: &str) -> Result<bool, StoreError> {
    let statement = Statement::new("SELECT 1 AS found FROM users WHERE id = ?1 AND role = 'admin' AND is_active = 1");
    Ok(run(store, statement.bind(user_id)).await?.any())
}

/// The first account, which has no referrer.
pub struct FirstAccount<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its email, or `admin`.
    pub email: &'a str,
    /// A PHC string.
    pub password_hash: &'a str,
    /// The name.
    pub name: &'a str,
    /// Whether its password is the public default.
    pub must_change_password: bool,
}

/// Creates the first account if there is no account.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_first(store: &Store, account: FirstAccount<'_>, now: Timestamp) -> Result<(), StoreError> {
    let statement = Statement::new(
        "INSERT INTO users (id, email, password_hash, name, role, tier, is_verified, must_change_password, created_at, updated_at)
         SELECT ?1, ?2, ?3, ?4, 'admin', 2, 1, ?5, ?6, ?6 WHERE NOT EXISTS (SELECT 1 FROM users)",
    )
    .bind(account.id)
    .bind(account.email)
    .bind(account.password_hash)
    .bind(account.name)
    .bind(account.must_change_password)
    .bind(now);
    run(store, statement).await.map(drop)
}

/// A password attempt that was counted.
pub struct Attempted<'a> {
    /// The attempt, to take it back if the password is right.
    pub attempt: PasswordAttempt<'a>,
    /// The account with this email.
    pub account: Option<Account>,
    /// The password hash of some user, if a sample was asked for.
    pub sample: Option<String>,
}

/// Counts a password attempt and finds the account with this email, in one round trip whether or not it exists. Only a blocked
/// attempt takes another one. With `change`, the attempt is part of a password change and is also counted there.
///
/// With `sample`, also returns the hash of the first user whose id is at least that, to spend the time of a check on an unknown
/// email. Ids of this service are equally likely. Among imported ids, those after a gap are more likely, and those with a common
/// prefix are hardly ever chosen.
///
/// # Errors
/// [`StoreError`].
pub async fn attempt_password<'a>(
    store: &Store,
    counters: &'a PasswordCounters,
    email: &str,
    sample: Option<&str>,
    change: Option<&Counter>,
    now: Timestamp,
) -> Result<Result<Attempted<'a>, Blocked>, StoreError> {
    let [count_by_account, count_by_address] = counters.count(now);
    let find = Statement::new("SELECT * FROM users WHERE email = ?1").bind(email);
    // Ids are random or come from another service. After the last one, it continues with the first.
    let find_sample = "SELECT password_hash FROM users
         WHERE id = coalesce((SELECT min(id) FROM users WHERE id >= ?1), (SELECT min(id) FROM users))";
    let mut statements = vec![find, count_by_account, count_by_address];
    statements.extend(sample.map(|sample| Statement::new(find_sample).bind(sample)));
    statements.extend(change.map(|counter| throttles::count_one(counter, now)));
    let answers = retry::batch(store, &statements).await?;
    let [found, by_account, by_address, others @ ..] = answers.as_slice() else {
        return Err(StoreError("a batch has a different number of results than statements".to_owned()));
    };
    let (sampled, by_user) = others.split_at(usize::from(sample.is_some()).min(others.len()));
    if let Some(counter) = change {
        let by_user: Vec<&Rows> = by_user.iter().collect();
        if let Err(blocked) = throttles::verdict(store, &by_user, counter, None, None, now).await? {
            return Ok(Err(blocked));
        }
    }
    let attempt = match counters.verdict(store, [by_account, by_address], now).await? {
        Ok(attempt) => attempt,
        Err(blocked) => return Ok(Err(blocked)),
    };
    let sampled: Option<Sample> = sampled.first().map(Rows::first).transpose()?.flatten();
    let sample = sampled.map(|sample| sample.password_hash);
    Ok(Ok(Attempted { attempt, account: Account::of(found)?, sample }))
}

/// The hash of some user.
#[derive(Deserialize)]
struct Sample {
    password_hash: String,
}

/// Starts a session for a user whose password was just verified, ends the oldest sessions beyond the limit, and takes the attempt
/// back, if the password is still current and the account active. With `rehashed`, replaces the hash with one of the configured
/// cost.
///
/// # Errors
/// [`StoreError`].
pub async fn complete_login(
    store: &Store,
    account: &Account,
    session: &sessions::New,
    attempt: PasswordAttempt<'_>,
    rehashed: Option<&str>,
    event: &Event,
) -> Result<Option<Begun>, StoreError> {
    let condition = Condition::PasswordEpoch(account.password_epoch);
    let Beginning { session: begin, device } = sessions::begin(session, &account.user.id, condition);
    let mut statements = vec![begin, events::insert_if_changed(event)];
    statements.extend(device);
    statements.push(sessions::end_surplus(&account.user.id, session));
    statements.extend(attempt.forgive(PasswordProof::Session(&session.id), session.now));
    statements.extend(rehashed.map(|rehashed| rehash(account, rehashed)));
    retry::batch(store, &statements).await?.first().map(Rows::first).transpose().map(Option::flatten)
}

/// Replaces the hash of a password that was just verified. The password stays the same, so its epoch must: the trigger adds 1 again.
fn rehash(account: &Account, rehashed: &str) -> Statement {
    Statement::new(
        "UPDATE users SET password_hash = ?3, password_epoch = password_epoch - 1
         WHERE id = ?1 AND password_hash = ?2 AND password_hash <> ?3",
    )
    .bind(account.user.id.as_str())
    .bind(account.password_hash.as_str())
    .bind(rehashed)
}

/// Takes the attempt back of a user whose password was just verified and who needs a second factor, and replaces the hash with
/// `rehashed`. Starts no session. Returns what the user can prove the second factor with, or `None` if the account was deleted.
///
/// # Errors
/// [`StoreError`].
pub async fn complete_first_step(
    store: &Store,
    account: &Account,
    attempt: PasswordAttempt<'_>,
    rehashed: Option<&str>,
    event: &Event,
) -> Result<Option<Ways>, StoreError> {
    let mut statements = vec![second_factors::select(&account.user.id), events::insert_always(event)];
    statements.extend(attempt.forgive(PasswordProof::Epoch(account.password_epoch), event.at));
    statements.extend(rehashed.map(|rehashed| rehash(account, rehashed)));
    retry::batch(store, &statements).await?.first().map(Ways::of).transpose().map(Option::flatten)
}

/// Stores in the session of a user whose password was just verified that they have proven it again, and takes the attempt back.
/// Returns whether the session is live and the password still current.
///
/// # Errors
/// [`StoreError`].
pub async fn reauthenticate(
    store: &Store,
    account: &Account,
    session_id: &str,
    proof: &Proof,
    attempt: PasswordAttempt<'_>,
    event: &Event,
) -> Result<bool, StoreError> {
    let epoch = account.password_epoch;
    let strengthen = sessions::strengthen(session_id, proof, Condition::PasswordEpoch(epoch), event.at);
    let mut statements = vec![strengthen, events::insert_if_changed(event)];
    statements.extend(attempt.forgive(PasswordProof::Epoch(epoch), event.at));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|strengthened| strengthened.any()))
}

/// A new user, invited by another.
pub struct New<'a> {
    /// The id.
    pub id: &'a str,
    /// The email.
    pub email: &'a Email,
    /// A PHC string.
    pub password_hash: &'a str,
    /// The name, if given.
    pub name: Option<&'a str>,
    /// The user token of the invitation, as looked up.
    pub referrer_lookup: &'a str,
    /// Whether the email is proven.
    pub is_verified: bool,
    /// The language of the request.
    pub locale: Option<Language>,
}

/// The `password_epoch` of a new user.
const FIRST_EPOCH: i64 = 0;

/// What became of a sign-up.
pub enum SignUp {
    /// The user and the first session were created.
    Done(Box<User>),
    /// Another sign-up with this email was faster.
    EmailTaken,
    /// The referrer has expired or been used up in the meantime.
    ReferrerEnded,
}

/// Creates a user and a first session, if the referrer is still valid and the email is free. With a password, the address counts as
/// one that knows it (`counters`). With an identity, uses up its `token`, which must be unused, unless it fails.
///
/// # Errors
/// [`StoreError`].
pub async fn sign_up(
    store: &Store,
    user: New<'_>,
    session: &sessions::New,
    counters: Option<&PasswordCounters>,
    token: Option<&ProvenToken<'_>>,
    event: &Event,
) -> Result<SignUp, StoreError> {
    let insert = Statement::new(concat!(
        "INSERT INTO users (id, email, password_hash, name, referrer_id, invitation, is_verified, locale, created_at, updated_at)
         SELECT ?1, ?2, ?3, ?4, referrer.id, user_tokens.lookup, ?7, ?9, ?6, ?6
         FROM user_tokens JOIN users AS referrer ON referrer.id = user_tokens.user_id
         WHERE NOT EXISTS (SELECT 1 FROM spent WHERE key = ?8) AND user_tokens.lookup = ?5 AND user_tokens.expires_at > ?6 AND referrer.is_active = 1 AND ",
        has_uses_left!(),
        " ON CONFLICT (email) DO NOTHING
         RETURNING *"
    ))
    .bind(user.id)
    .bind(user.email.as_str())
    .bind(user.password_hash)
    .bind(user.name)
    .bind(user.referrer_lookup)
    .bind(session.now)
    .bind(user.is_verified)
    .bind(token.map(|token| token.id))
    .bind(user.locale.map(Language::tag));
    let Beginning { session: begin, device } = sessions::begin(session, user.id, Condition::PasswordEpoch(FIRST_EPOCH));
    let mut statements = vec![insert];
    statements.extend(token.map(ProvenToken::spend_if_changed));
    statements.extend([events::insert_if_changed(event), begin]);
    statements.extend(device);
    let remember =
        |counters: &PasswordCounters| counters.remember_address(PasswordProof::Session(&session.id), session.now);
    statements.extend(counters.map(remember));
    statements.push(user_tokens::forget_recipient(user.referrer_lookup, user.id));
    statements.extend(token.into_iter().flat_map(|token| token.conclude(&session.id, session.now)));
    let answers = retry::batch(store, &statements).await?;
    let inserted = answers.first().map(Rows::first).transpose()?.flatten();
    if let Some(user) = inserted {
        return Ok(SignUp::Done(Box::new(user)));
    }
    let holder = Statement::new(
        "SELECT id FROM users WHERE email = ?1 UNION ALL SELECT user_id FROM undoable_email_changes WHERE old_email = ?1",
    );
    Ok(if run(store, holder.bind(user.email.as_str())).await?.any() {
        SignUp::EmailTaken
    } else {
        SignUp::ReferrerEnded
    })
}

/// Changes or removes the name of a user. Returns whether the user is active and the session live.
///
/// # Errors
/// [`StoreError`].
pub async fn rename(store: &Store, user_id: &str, name: Option<&str>, event: &Event) -> Result<bool, StoreError> {
    let rename = Statement::new(concat!(
        "UPDATE users SET name = ?2, updated_at = max(?3, updated_at + 1) WHERE id = ?1 AND is_active = 1 AND ",
        is_live_session!("?4", "?1", "?3"),
        " RETURNING id"
    ));
    let rename = rename.bind(user_id).bind(name).bind(event.at).bind(event.session_id.as_deref());
    let [renamed, _] = run_all(store, [rename, events::insert_if_changed(event)]).await?;
    Ok(renamed.any())
}

/// Stores the language of a user. Returns whether the session is live.
///
/// # Errors
/// [`StoreError`].
pub async fn set_locale(
    store: &Store,
    user_id: &str,
    locale: Option<Language>,
    session_id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let statement = Statement::new(concat!(
        "UPDATE users SET locale = ?2 WHERE id = ?1 AND is_active = 1 AND ",
        is_live_session!("?4", "?1", "?3"),
        " RETURNING id"
    ));
    let statement = statement.bind(user_id).bind(locale.map(Language::tag)).bind(now).bind(session_id);
    Ok(run(store, statement).await?.any())
}

/// Replaces the password that was just verified, ends every other session and every reset token, takes the attempt back, and queues
/// a mail to the owner. One of two concurrent changes succeeds, because the old password of the other is no longer current. Returns
/// whether this one did.
///
/// # Errors
/// [`StoreError`].
pub async fn change_password(
    store: &Store,
    account: &Account,
    new_hash: &str,
    kept_session: &str,
    attempt: PasswordAttempt<'_>,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    let now = event.at;
    let user_id = account.user.id.as_str();
    let change = Statement::new(
        "UPDATE users SET password_hash = ?3, must_change_password = 0, password_reset_id = NULL,
           updated_at = max(?4, updated_at + 1)
         WHERE id = ?1 AND password_epoch = ?2 AND is_active = 1
         RETURNING id",
    )
    .bind(user_id)
    .bind(account.password_epoch)
    .bind(new_hash)
    .bind(now);
    let mut statements = vec![change];
    statements.extend(mails::event_and_notice(event, notice));
    statements.push(sessions::end_all_but(user_id, kept_session, new_hash));
    statements.extend(attempt.forgive(PasswordProof::NewHash(new_hash), now));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|changed| changed.any()))
}

/// Sets the password of a user who has none, ends every other session and every reset token, and queues a mail to the owner. Returns
/// whether the user is active and had none, and the session is live.
///
/// # Errors
/// [`StoreError`].
pub async fn set_first_password(
    store: &Store,
    user_id: &str,
    new_hash: &str,
    kept_session: &str,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    let set = Statement::new(concat!(
        "UPDATE users SET password_hash = ?2, password_reset_id = NULL, updated_at = max(?3, updated_at + 1)
         WHERE id = ?1 AND password_hash = '' AND is_active = 1 AND ",
        is_live_session!("?4", "?1", "?3"),
        " RETURNING id"
    ));
    let mut statements = vec![set.bind(user_id).bind(new_hash).bind(event.at).bind(kept_session)];
    statements.extend(mails::event_and_notice(event, notice));
    statements.push(sessions::end_all_but(user_id, kept_session, new_hash));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|set| set.any()))
}

/// What became of the removal of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRemoval {
    /// It was removed.
    Done {
        /// Whether the recovery codes are new. Otherwise the user already had some.
        has_new_codes: bool,
    },
    /// The user has no password or no passkey, or the session has ended.
    Refused,
}

/// Removes the password of a user who has a passkey and a session with two factors, and every reset token. From then on, the user requires a
/// second factor, so that nobody gets in by a reset link alone. Queues a mail to the owner.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_password(
    store: &Store,
    session_id: &str,
    codes: &NewSet,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<PasswordRemoval, StoreError> {
    // A trigger ends the sessions with one factor.
    let remove = Statement::new(
        "UPDATE users SET password_hash = '', must_change_password = 0, password_reset_id = NULL, second_factor = 1,
           updated_at = max(?3, updated_at + 1)
         WHERE id = ?1 AND password_hash <> '' AND is_active = 1 AND EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1)
           AND EXISTS (SELECT 1 FROM sessions WHERE id = ?2 AND user_id = ?1 AND level = 2 AND expires_at > ?3)
         RETURNING id",
    )
    .bind(codes.user_id.as_str())
    .bind(session_id)
    .bind(event.at);
    let mut statements = vec![remove];
    statements.extend(mails::event_and_notice(event, notice));
    statements.push(recovery_codes::insert_without_password(codes, event.at));
    statements.push(recovery_codes::select_one_of(codes));
    let answers = retry::batch(store, &statements).await?;
    let has_new_codes = answers.last().is_some_and(Rows::any);
    let is_done = answers.first().is_some_and(Rows::any);
    Ok(if is_done { PasswordRemoval::Done { has_new_codes } } else { PasswordRemoval::Refused })
}

/// Gives the active account with this email, if there is one, a new live reset token, which replaces the previous one. Queues the
/// mail in any case, so that the time does not reveal whether there is an account.
///
/// # Errors
/// [`StoreError`].
pub async fn begin_password_reset(
    store: &Store,
    email: &Email,
    reset_id: &str,
    mail: &mails::Mail,
    event: &Event,
) -> Result<(), StoreError> {
    let begin = Statement::new("UPDATE users SET password_reset_id = ?2 WHERE email = ?1 AND is_active = 1")
        .bind(email.as_str())
        .bind(reset_id);
    run_all(store, [begin, events::insert_about_email(event, email.as_str()), mails::insert(mail)]).await.map(drop)
}

/// Returns the user with this email, if this is their live reset.
///
/// # Errors
/// [`StoreError`].
pub async fn find_by_email_and_password_reset(
    store: &Store,
    email: &str,
    reset_id: &str,
) -> Result<Option<User>, StoreError> {
    let statement = Statement::new("SELECT * FROM users WHERE email = ?1 AND password_reset_id = ?2 AND is_active = 1");
    run(store, statement.bind(email).bind(reset_id)).await?.first()
}

/// Returns the user, if this is their live reset.
///
/// # Errors
/// [`StoreError`].
pub async fn find_by_password_reset(store: &Store, user_id: &str, reset_id: &str) -> Result<Option<User>, StoreError> {
    let statement = Statement::new("SELECT * FROM users WHERE id = ?1 AND password_reset_id = ?2 AND is_active = 1");
    run(store, statement.bind(user_id).bind(reset_id)).await?.first()
}

/// Uses up a reset token: sets the password, verifies the email, ends every session, and queues a mail. If the email was not verified
/// before, the account is claimed: a trigger ends everything that was set up before. A reset never ends a second factor that the user
/// requires, so it does not verify the email of an account with one: someone else may have set that up. The address counts as one
/// that knows the password. One of several concurrent calls succeeds. Returns whether this one did.
///
/// # Errors
/// [`StoreError`].
pub async fn complete_password_reset(
    store: &Store,
    user_id: &str,
    reset_id: &str,
    new_hash: &str,
    counters: &PasswordCounters,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    let now = event.at;
    let reset = Statement::new(
        "UPDATE users
         SET password_hash = ?3, must_change_password = 0, password_reset_id = NULL, is_verified = max(is_verified, 1 - second_factor),
           claimed_at = iif(is_verified = 0 AND second_factor = 0, max(?4, coalesce(claimed_at, 0) + 1), claimed_at),
           updated_at = max(?4, updated_at + 1)
         WHERE id = ?1 AND password_reset_id = ?2 AND is_active = 1
         RETURNING id",
    )
    .bind(user_id)
    .bind(reset_id)
    .bind(new_hash)
    .bind(now);
    let mut statements = vec![reset];
    statements.extend(mails::event_and_notice(event, notice));
    statements.push(sessions::end_all_but(user_id, "", new_hash));
    statements.push(counters.remember_address(PasswordProof::NewHash(new_hash), now));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|done| done.any()))
}

/// Deactivates a user and ends the reset token, unless this is the last active admin. Returns whether the user is inactive now. Can
/// be repeated.
///
/// # Errors
/// [`StoreError`].
pub async fn deactivate(store: &Store, user_id: &str, event: &Event) -> Result<bool, StoreError> {
    let deactivate = Statement::new(concat!(
        "UPDATE users SET is_active = 0, password_reset_id = NULL, updated_at = max(?2, updated_at + 1)
         WHERE id = ?1 AND is_active = 1 AND ",
        is_live_session!("?3", "?1", "?2"),
        " AND (role <> 'admin' OR EXISTS (
           SELECT 1 FROM users AS other WHERE other.role = 'admin' AND other.is_active = 1 AND other.id <> ?1))",
    ))
    .bind(user_id)
    .bind(event.at)
    .bind(event.session_id.as_deref());
    let is_inactive = Statement::new("SELECT id FROM users WHERE id = ?1 AND is_active = 0").bind(user_id);
    let [_, _, is_inactive] = run_all(store, [deactivate, events::insert_if_changed(event), is_inactive]).await?;
    Ok(is_inactive.any())
}
