//! The table `identities`: who a user is at an identity provider.

use serde::{Deserialize, Serialize};

use super::{
    Store,
    administration::is_active_admin,
    decode::flag,
    mails::{self, Notice},
    one_time, retry, run, run_all,
    sessions::is_live_session,
    users::Account,
};
use crate::{
    domain::{Timestamp, email::Email, event::Event},
    ports::{Rows, Statement, StoreError},
};

/// The maximum number of identities per user.
pub const MAX: i64 = 20;

/// A new identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct New {
    /// The id in the API.
    pub id: String,
    /// The issuer.
    pub issuer: String,
    /// The id of the user there.
    pub subject: String,
    /// The name of the provider in the settings.
    pub provider: String,
    /// The email at the provider.
    pub email: Option<String>,
}

/// A new identity of the user whose session the batch starts.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    /// The identity.
    pub identity: &'a New,
    /// The event that says that it was linked. The sign-up or the claim of an account has an event of its own.
    pub event: Option<&'a Event>,
    /// The same for the owner of the account.
    pub notice: Option<&'a Notice>,
}

/// The identity that a user signs in with.
#[derive(Clone, Copy)]
pub enum Use<'a> {
    /// It is linked to the account.
    Linked(&'a New),
    /// It becomes linked to the account.
    New(Link<'a>),
}

impl<'a> Use<'a> {
    /// Returns the identity.
    pub fn identity(&self) -> &'a New {
        match self {
            Use::Linked(identity) | Use::New(Link { identity, .. }) => identity,
        }
    }

    /// Returns the statements that note the use, or link the identity, if the session has started. They come after it: otherwise
    /// someone who lacks the second factor would have added a way in.
    pub(super) fn statements(&self, session_id: &str, now: Timestamp) -> Vec<Statement> {
        match self {
            Use::Linked(identity) => vec![note_use(identity, session_id, now)],
            Use::New(link) => link.statements(session_id, now),
        }
    }
}

fn note_use(identity: &New, session_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE identities SET last_used_at = max(?4, coalesce(last_used_at, 0)), email = coalesce(?5, email)
         WHERE issuer = ?1 AND subject = ?2 AND user_id = (SELECT user_id FROM sessions WHERE id = ?3)",
    )
    .bind(identity.issuer.as_str())
    .bind(identity.subject.as_str())
    .bind(session_id)
    .bind(now)
    .bind(identity.email.as_deref())
}

impl Link<'_> {
    fn statements(&self, session_id: &str, now: Timestamp) -> Vec<Statement> {
        let insert = bind_new(
            "INSERT INTO identities (issuer, subject, id, provider, email, user_id, created_at, last_used_at)
             SELECT ?1, ?2, ?3, ?4, ?5, user_id, ?6, ?6 FROM sessions
             WHERE id = ?7 AND (SELECT count(*) FROM identities WHERE user_id = sessions.user_id) < ?8
               AND NOT EXISTS (
                 SELECT 1 FROM unlinked_identities AS unlinked
                 WHERE unlinked.issuer = ?1 AND unlinked.subject = ?2 AND unlinked.user_id = sessions.user_id)
             ON CONFLICT DO NOTHING",
            self.identity,
        );
        let mut statements = vec![insert.bind(now).bind(session_id).bind(MAX)];
        let event = self.event.map(|event| Event { session_id: Some(session_id.to_owned()), ..event.clone() });
        statements.extend(event.iter().flat_map(|event| mails::event_and_notice(event, self.notice)));
        statements
    }
}

fn bind_new(sql: &'static str, new: &New) -> Statement {
    Statement::new(sql)
        .bind(new.issuer.as_str())
        .bind(new.subject.as_str())
        .bind(new.id.as_str())
        .bind(new.provider.as_str())
        .bind(new.email.as_deref())
}

/// The accounts that a sign-in with a provider can be about.
#[derive(Debug)]
pub struct Found {
    /// The account that the identity is linked to.
    pub linked: Option<Account>,
    /// The account with the email.
    pub by_email: Option<Account>,
    /// Whether the identity was unlinked from the account with the email.
    pub is_unlinked: bool,
}

/// Whether an identity was unlinked.
#[derive(Deserialize)]
struct Unlinking {
    #[serde(deserialize_with = "flag")]
    is_unlinked: bool,
}

/// Returns the account that the identity is linked to, and the one with the email that the provider tells.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, issuer: &str, subject: &str, email: Option<&Email>) -> Result<Found, StoreError> {
    let linked = Statement::new(
        "SELECT users.* FROM identities JOIN users ON users.id = identities.user_id WHERE issuer = ?1 AND subject = ?2",
    );
    let by_email = Statement::new(
        "SELECT *, EXISTS (
           SELECT 1 FROM unlinked_identities WHERE issuer = ?2 AND subject = ?3 AND user_id = users.id) AS is_unlinked
         FROM users WHERE email = ?1",
    );
    let by_email = by_email.bind(email.map(Email::as_str)).bind(issuer).bind(subject);
    let [linked, by_email] = run_all(store, [linked.bind(issuer).bind(subject), by_email]).await?;
    let is_unlinked = by_email.first::<Unlinking>()?.is_some_and(|unlinking| unlinking.is_unlinked);
    Ok(Found { linked: Account::of(&linked)?, by_email: Account::of(&by_email)?, is_unlinked })
}

/// An identity as its owner and admins see it.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// The id in the API.
    pub id: String,
    /// The name of the provider in the settings.
    pub provider: String,
    /// The issuer.
    pub issuer: String,
    /// The id of the user there.
    pub subject: String,
    /// The email at the provider when the identity was last used.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it was last used to sign in.
    pub last_used_at: Option<Timestamp>,
}

/// Returns the identities of a user, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, user_id: &str) -> Result<Vec<Listed>, StoreError> {
    let statement = Statement::new("SELECT * FROM identities WHERE user_id = ?1 ORDER BY created_at, id").bind(user_id);
    run(store, statement).await?.all()
}

/// What became of an identity that a user wanted to link.
#[derive(Debug)]
pub enum Linked {
    /// It is linked.
    Done {
        /// The identity.
        identity: Box<Listed>,
        /// Whether it was not linked to this account before.
        is_new: bool,
    },
    /// The token was used before.
    TokenUsed,
    /// It belongs to another account.
    Taken,
    /// The user has [`MAX`] identities.
    TooMany,
    /// The session has ended.
    SessionEnded,
}

/// The number of identities of a user.
#[derive(Deserialize)]
struct Count {
    identities: i64,
}

/// Who has an identity.
#[derive(Deserialize)]
struct Owner {
    user_id: String,
}

/// Links an identity in a live session, uses up the token, and queues a mail to the owner.
///
/// # Errors
/// [`StoreError`].
pub async fn link(
    store: &Store,
    token: (&str, Timestamp),
    new: &New,
    user_id: &str,
    session_id: &str,
    notice: Option<&Notice>,
    event: &Event,
) -> Result<Linked, StoreError> {
    let insert = bind_new(
        concat!(
            "INSERT INTO identities (issuer, subject, id, provider, email, user_id, created_at)
             SELECT ?1, ?2, ?3, ?4, ?5, id, ?6 FROM users
             WHERE changes() > 0 AND id = ?7 AND is_active = 1 AND ",
            is_live_session!("?8", "?7", "?6"),
            " AND (SELECT count(*) FROM identities WHERE user_id = ?7) < ?9
             ON CONFLICT DO NOTHING
             RETURNING id"
        ),
        new,
    )
    .bind(event.at)
    .bind(user_id)
    .bind(session_id)
    .bind(MAX);
    let find = Statement::new("SELECT * FROM identities WHERE issuer = ?1 AND subject = ?2");
    let count = Statement::new("SELECT count(*) AS identities FROM identities WHERE user_id = ?1").bind(user_id);
    let mut statements = vec![one_time::spend(token.0, token.1), insert];
    statements.extend(mails::event_and_notice(event, notice));
    statements.extend([find.bind(new.issuer.as_str()).bind(new.subject.as_str()), count]);
    let answers = retry::batch(store, &statements).await?;
    let [spent, inserted, .., found, count] = answers.as_slice() else {
        return Err(StoreError("a batch has a different number of results than statements".to_owned()));
    };
    let owner = found.first::<Owner>()?;
    let is_own = owner.as_ref().is_some_and(|owner| owner.user_id == user_id);
    Ok(match found.first::<Listed>()? {
        Some(listed) if inserted.any() || spent.any() && is_own => {
            Linked::Done { identity: Box::new(listed), is_new: inserted.any() }
        }
        _ if !spent.any() => Linked::TokenUsed,
        Some(_) => Linked::Taken,
        None if count.first::<Count>()?.is_some_and(|count| count.identities >= MAX) => Linked::TooMany,
        None => Linked::SessionEnded,
    })
}

/// The other ways in that count when an identity is unlinked.
pub struct OtherWays<'a> {
    /// The names of the providers in the settings. An identity at another provider is no way in.
    pub providers: Vec<&'a str>,
    /// Whether users can sign in with a code by email.
    pub email_sign_in: bool,
}

impl OtherWays<'_> {
    /// Returns the names as a JSON array, for `json_each`.
    pub(super) fn providers_as_json(&self) -> String {
        serde_json::json!(self.providers).to_string()
    }
}

/// What became of an identity that a user wanted to unlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    /// It was unlinked.
    Done,
    /// The user has no such identity.
    NotFound,
    /// Without it, the user could not sign in.
    LastWayIn,
}

/// Whether an identity is there.
#[derive(Deserialize)]
struct Left {
    #[serde(deserialize_with = "flag")]
    is_there: bool,
}

/// Returns the name of the provider of an identity of the user.
///
/// # Errors
/// [`StoreError`].
pub async fn find_provider(store: &Store, user_id: &str, id: &str) -> Result<Option<String>, StoreError> {
    #[derive(Deserialize)]
    struct Provider {
        provider: String,
    }
    let statement = Statement::new("SELECT provider FROM identities WHERE id = ?1 AND user_id = ?2");
    Ok(run(store, statement.bind(id).bind(user_id)).await?.first::<Provider>()?.map(|found| found.provider))
}

/// Unlinks an identity of the user and queues a mail to them, unless it is the only way to sign in. Ways are the password, a passkey,
/// another identity whose provider is in the settings, and the verified email if users can sign in with it and mails reach it.
///
/// # Errors
/// [`StoreError`].
pub async fn unlink(
    store: &Store,
    user_id: &str,
    id: &str,
    others: &OtherWays<'_>,
    notice: Option<&Notice>,
    event: &Event,
) -> Result<Unlinked, StoreError> {
    let delete = Statement::new(concat!(
        "DELETE FROM identities WHERE id = ?2 AND user_id = ?1 AND (?1 = ?5 OR ",
        is_active_admin!("?5"),
        ") AND EXISTS (
           SELECT 1 FROM users WHERE id = ?1 AND (
             password_hash <> '' OR ?4 = 1 AND is_verified = 1 AND email_problem IS NULL
             OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1)
             OR EXISTS (
               SELECT 1 FROM identities AS other
               WHERE other.user_id = ?1 AND other.id <> ?2 AND other.provider IN (SELECT value FROM json_each(?3)))))
         RETURNING id",
    ))
    .bind(user_id)
    .bind(id)
    .bind(others.providers_as_json())
    .bind(others.email_sign_in)
    .bind(event.actor_id.as_deref());
    let find = Statement::new("SELECT EXISTS (SELECT 1 FROM identities WHERE id = ?2 AND user_id = ?1) AS is_there")
        .bind(user_id)
        .bind(id);
    let mut statements = vec![delete];
    statements.extend(mails::event_and_notice(event, notice));
    statements.push(find);
    let answers = retry::batch(store, &statements).await?;
    if answers.first().is_some_and(Rows::any) {
        return Ok(Unlinked::Done);
    }
    let left: Option<Left> = answers.last().map(Rows::first).transpose()?.flatten();
    Ok(if left.is_some_and(|left| left.is_there) { Unlinked::LastWayIn } else { Unlinked::NotFound })
}
