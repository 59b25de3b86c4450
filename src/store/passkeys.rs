//! The table `passkeys`.

use serde::Deserialize;

use super::{
    Store,
    decode::{flag, json},
    events,
    identities::OtherWays,
    mails, one_time, retry, run, run_all,
    sessions::{self, Beginning, Begun, Condition},
    users::Account,
};
use crate::{
    domain::{Timestamp, event::Event, passkey::MAX, proof::Proof},
    ports::{Rows, Statement, StoreError},
};

/// A one-time token that is used up together with a passkey.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A new passkey.
#[derive(Debug)]
pub struct New {
    /// The id in the API.
    pub id: String,
    /// The id of the passkey, in base64url.
    pub credential_id: String,
    /// The COSE algorithm.
    pub algorithm: i64,
    /// The public key, in the form of `crypto::cose`.
    pub public_key: String,
    /// The signature counter.
    pub sign_count: i64,
    /// Whether the passkey can be synced to other devices.
    pub is_backup_eligible: bool,
    /// Whether it is synced.
    pub is_synced: bool,
    /// The model of the authenticator, a UUID.
    pub aaguid: String,
    /// How the browser can reach the authenticator: a JSON array.
    pub transports: String,
    /// The name that the user has given it.
    pub name: String,
}

/// A passkey as its owner sees it.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// The id in the API.
    pub id: String,
    /// The id of the passkey, in base64url.
    pub credential_id: String,
    /// The name.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Whether it is synced to other devices.
    #[serde(deserialize_with = "flag")]
    pub is_synced: bool,
    /// The model of the authenticator, a UUID.
    pub aaguid: String,
    /// How the browser can reach the authenticator.
    #[serde(deserialize_with = "json")]
    pub transports: Vec<String>,
}

/// Returns the passkeys of a user, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, user_id: &str) -> Result<Vec<Listed>, StoreError> {
    let statement = Statement::new(
        "SELECT id, credential_id, name, created_at, last_used_at, is_synced, aaguid, transports
         FROM passkeys WHERE user_id = ?1 ORDER BY created_at, id",
    );
    run(store, statement.bind(user_id)).await?.all()
}

/// What became of a new passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was added.
    Done,
    /// The token was used before.
    TokenUsed,
    /// A user has this passkey.
    Known,
    /// The user has as many passkeys as possible.
    TooMany,
    /// The session has ended.
    SessionEnded,
}

/// What decides why a passkey was not added.
#[derive(Deserialize)]
struct Reason {
    #[serde(deserialize_with = "flag")]
    is_known: bool,
    passkeys: i64,
}

/// Where and how a passkey is added.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    /// The token of the challenge.
    pub token: Token<'a>,
    /// The user.
    pub user_id: &'a str,
    /// The session.
    pub session_id: &'a str,
    /// The proof of the session with the passkey, whose authenticator has just verified the user.
    pub proof: &'a Proof,
}

/// Adds a passkey in a live session, uses up the token of its challenge, stores the proof in the session, and queues a mail to the
/// owner.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(
    store: &Store,
    new: &New,
    registration: Registration<'_>,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<Added, StoreError> {
    let Registration { token, user_id, session_id, proof } = registration;
    let insert = Statement::new(
        "INSERT INTO passkeys (credential_id, id, user_id, algorithm, public_key, sign_count, is_backup_eligible, is_synced, aaguid,
           transports, name, created_at)
         SELECT ?1, ?2, users.id, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
         FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE changes() > 0 AND sessions.id = ?13 AND sessions.expires_at > ?12 AND users.id = ?3 AND users.is_active = 1
           AND (SELECT count(*) FROM passkeys WHERE user_id = ?3) < ?14
         ON CONFLICT (credential_id) DO NOTHING
         RETURNING id",
    )
    .bind(new.credential_id.as_str())
    .bind(new.id.as_str())
    .bind(user_id)
    .bind(new.algorithm)
    .bind(new.public_key.as_str())
    .bind(new.sign_count)
    .bind(new.is_backup_eligible)
    .bind(new.is_synced)
    .bind(new.aaguid.as_str())
    .bind(new.transports.as_str())
    .bind(new.name.as_str())
    .bind(event.at)
    .bind(session_id)
    .bind(MAX);
    let why = Statement::new(
        "SELECT EXISTS (SELECT 1 FROM passkeys WHERE credential_id = ?1) AS is_known,
           (SELECT count(*) FROM passkeys WHERE user_id = ?2) AS passkeys",
    )
    .bind(new.credential_id.as_str())
    .bind(user_id);
    let mut statements = vec![
        one_time::spend(token.id, token.expires_at),
        insert,
        why,
        sessions::strengthen(session_id, proof, Condition::ProofSpent, event.at),
    ];
    statements.extend(mails::event_and_notice(event, notice));
    let answers = retry::batch(store, &statements).await?;
    let [spent, inserted, why, ..] = answers.as_slice() else {
        return Err(StoreError("a batch has a different number of results than statements".to_owned()));
    };
    let Reason { is_known, passkeys } =
        why.first()?.ok_or_else(|| StoreError("a SELECT without FROM has no row".to_owned()))?;
    Ok(match () {
        () if inserted.any() => Added::Done,
        () if !spent.any() => Added::TokenUsed,
        () if is_known => Added::Known,
        () if passkeys >= MAX => Added::TooMany,
        () => Added::SessionEnded,
    })
}

/// Renames a passkey of the user. Returns whether it exists.
///
/// # Errors
/// [`StoreError`].
pub async fn rename(store: &Store, user_id: &str, id: &str, name: &str, event: &Event) -> Result<bool, StoreError> {
    let rename = Statement::new("UPDATE passkeys SET name = ?3 WHERE id = ?1 AND user_id = ?2 RETURNING id");
    let rename = rename.bind(id).bind(user_id).bind(name);
    let [renamed, _] = run_all(store, [rename, events::insert_if_changed(event)]).await?;
    Ok(renamed.any())
}

/// What became of a passkey that a user wanted to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It was deleted.
    Done,
    /// The user has no such passkey.
    NotFound,
    /// Without it, the user could not sign in.
    LastWayIn,
    /// Without it, the user would have no second factor, which the settings require.
    Enforced,
}

/// Whether the user has a passkey, and a way to sign in without one.
#[derive(Deserialize)]
struct Left {
    #[serde(deserialize_with = "flag")]
    is_there: bool,
    #[serde(deserialize_with = "flag")]
    has_first_step: bool,
}

/// The name of a passkey.
#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Returns the name of a passkey of the user.
///
/// # Errors
/// [`StoreError`].
pub async fn find_name(store: &Store, user_id: &str, id: &str) -> Result<Option<String>, StoreError> {
    let statement = Statement::new("SELECT name FROM passkeys WHERE id = ?1 AND user_id = ?2");
    Ok(run(store, statement.bind(id).bind(user_id)).await?.first::<Named>()?.map(|named| named.name))
}

/// Deletes a passkey of the user and queues a mail to them, unless it is the only way to sign in, or the only second factor of a user who
/// must have one (`is_enforced`). An identity is a way to sign in if its provider is in the settings.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(
    store: &Store,
    user_id: &str,
    id: &str,
    is_enforced: bool,
    others: &OtherWays<'_>,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<Deleted, StoreError> {
    macro_rules! has_first_step {
        ($providers:literal) => {
            concat!(
                "EXISTS (
                   SELECT 1 FROM users WHERE id = ?1 AND (password_hash <> '' OR EXISTS (
                     SELECT 1 FROM identities WHERE user_id = ?1 AND provider IN (SELECT value FROM json_each(",
                $providers,
                ")))))"
            )
        };
    }
    let providers = others.providers_as_json();
    let find = Statement::new(concat!(
        "SELECT ",
        has_first_step!("?3"),
        " AS has_first_step, EXISTS (SELECT 1 FROM passkeys WHERE id = ?2 AND user_id = ?1) AS is_there"
    ))
    .bind(user_id)
    .bind(id)
    .bind(providers.as_str());
    let delete = Statement::new(concat!(
        "DELETE FROM passkeys WHERE id = ?2 AND user_id = ?1 AND (
           EXISTS (SELECT 1 FROM passkeys AS other WHERE other.user_id = ?1 AND other.id <> ?2)
           OR ",
        has_first_step!("?4"),
        " AND (?3 = 0 OR EXISTS (SELECT 1 FROM totp WHERE user_id = ?1 AND confirmed_at IS NOT NULL)))
         RETURNING id",
    ))
    .bind(user_id)
    .bind(id)
    .bind(is_enforced)
    .bind(providers.as_str());
    let mut statements = vec![find, delete];
    statements.extend(mails::event_and_notice(event, notice));
    let answers = retry::batch(store, &statements).await?;
    let [found, deleted, ..] = answers.as_slice() else {
        return Err(StoreError("a batch has a different number of results than statements".to_owned()));
    };
    Ok(match found.first::<Left>()? {
        _ if deleted.any() => Deleted::Done,
        Some(Left { is_there: true, has_first_step }) => {
            if has_first_step {
                Deleted::Enforced
            } else {
                Deleted::LastWayIn
            }
        }
        _ => Deleted::NotFound,
    })
}

/// A passkey with its owner.
#[derive(Debug)]
pub struct Found {
    /// The owner.
    pub account: Account,
    /// The part that verifies signatures.
    pub passkey: Stored,
}

/// What verifies the signatures of a passkey.
#[derive(Debug, Deserialize)]
pub struct Stored {
    /// The COSE algorithm.
    pub algorithm: i64,
    /// The public key, in the form of `crypto::cose`.
    pub public_key: String,
    /// The signature counter of the last use.
    pub sign_count: u32,
    /// Whether the passkey can be synced to other devices.
    #[serde(deserialize_with = "flag")]
    pub is_backup_eligible: bool,
}

/// Returns the passkey with this id, with its owner.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, credential_id: &str) -> Result<Option<Found>, StoreError> {
    let statement = Statement::new(
        "SELECT users.*, algorithm, public_key, sign_count, is_backup_eligible
         FROM passkeys JOIN users ON users.id = passkeys.user_id WHERE credential_id = ?1",
    );
    let rows = run(store, statement.bind(credential_id)).await?;
    let (Some(account), Some(passkey)) = (Account::of(&rows)?, rows.first()?) else { return Ok(None) };
    Ok(Some(Found { account, passkey }))
}

/// A use of a passkey whose signature was verified.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// The id of the passkey, in base64url.
    pub credential_id: &'a str,
    /// The owner.
    pub user_id: &'a str,
    /// The signature counter that was received.
    pub sign_count: u32,
    /// Whether the passkey is synced to other devices.
    pub is_synced: bool,
    /// The token of the challenge.
    pub token: Token<'a>,
}

impl Use<'_> {
    /// Uses up the challenge and then the passkey, for the beginning of a batch. The next statement of the batch must ask
    /// `changes() > 0`. So a challenge works once, and the counter never goes back (Web Authentication Level 3, section 6.1.1).
    pub(super) fn statements(&self, now: Timestamp) -> [Statement; 2] {
        let use_up = Statement::new(
            "UPDATE passkeys SET sign_count = ?3, is_synced = ?4, last_used_at = max(?5, coalesce(last_used_at, 0))
             WHERE credential_id = ?1 AND user_id = ?2 AND changes() > 0 AND (sign_count < ?3 OR sign_count = 0 AND ?3 = 0)
             RETURNING id",
        )
        .bind(self.credential_id)
        .bind(self.user_id)
        .bind(i64::from(self.sign_count))
        .bind(self.is_synced)
        .bind(now);
        [one_time::spend(self.token.id, self.token.expires_at), use_up]
    }
}

/// Starts a session for the owner of a passkey, ends the oldest sessions beyond the limit, and uses up the challenge. Returns whether
/// it did: whether the challenge was unused, the passkey still there with an older counter, and the account active.
///
/// # Errors
/// [`StoreError`].
pub async fn sign_in(
    store: &Store,
    used: &Use<'_>,
    session: &sessions::New,
    event: &Event,
) -> Result<Option<Begun>, StoreError> {
    let [spend, use_up] = used.statements(session.now);
    let Beginning { session: begin, device } = sessions::begin(session, used.user_id, Condition::ProofSpent);
    let mut statements = vec![spend, use_up, begin, events::insert_if_changed(event)];
    statements.extend(device);
    statements.push(sessions::end_surplus(used.user_id, session));
    retry::batch(store, &statements).await?.get(2).map(Rows::first).transpose().map(Option::flatten)
}

/// Stores in a session that its user has proven with a passkey who they are, and uses up the challenge. `proof` is that of the session
/// with the passkey. Returns whether it did, as [`sign_in`].
///
/// # Errors
/// [`StoreError`].
pub async fn reauthenticate(
    store: &Store,
    used: &Use<'_>,
    session_id: &str,
    proof: &Proof,
    event: &Event,
) -> Result<bool, StoreError> {
    let [spend, use_up] = used.statements(event.at);
    let strengthen = sessions::strengthen(session_id, proof, Condition::ProofSpent, event.at);
    let [_, _, strengthened, _] = run_all(store, [spend, use_up, strengthen, events::insert_if_changed(event)]).await?;
    Ok(strengthened.any())
}
