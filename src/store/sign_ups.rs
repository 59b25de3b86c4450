//! The table `sign_ups`: requests to sign up that wait for an admin. Their emails are proven.

use serde::Deserialize;

use super::{Store, administration::is_active_admin, email_proofs::ProvenToken, events, mails, retry, run_all};
use crate::{
    domain::{
        Timestamp,
        event::Event,
        page::{FARTHEST, Page},
    },
    language::{self, Language},
    ports::{Rows, Statement, StoreError},
};

/// The maximum number of requests that wait. Further ones are refused.
pub const MAX_WAITING: i64 = 1_000;

/// The maximum number of requests that wait from one domain, so that nobody fills the queue with addresses of their own domain.
pub const MAX_WAITING_OF_DOMAIN: i64 = 250;

/// How long a request waits before it is deleted, in milliseconds: 90 days.
pub const LIFETIME: i64 = 90 * 86_400_000;

/// A new request.
pub struct New<'a> {
    /// Its id.
    pub id: &'a str,
    /// A PHC string, or empty for an account without a password.
    pub password_hash: &'a str,
    /// The name, if given.
    pub name: Option<&'a str>,
    /// The note for the admins, if given.
    pub note: Option<&'a str>,
    /// Whether it replaces the one that waits. A sign-in by email or with a provider, which brings neither a password nor a note, does not.
    pub replaces: bool,
    /// The language of the request.
    pub locale: Option<Language>,
    /// When it was sent.
    pub now: Timestamp,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requested {
    /// It waits for an admin.
    Waiting,
    /// Too many are waiting.
    QueueFull,
    /// The token was used before.
    TokenSpent,
}

/// Uses up the token and stores the request, with the identity if it comes from a provider. A new request of the same email replaces the
/// one that waits.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(
    store: &Store,
    token: &ProvenToken<'_>,
    new: &New<'_>,
    event: &Event,
) -> Result<Requested, StoreError> {
    let identity = token.identity.map(|used| used.identity());
    let insert = Statement::new(
        "INSERT INTO sign_ups (id, email, password_hash, name, note, requested_at, issuer, subject, provider, locale)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?11, ?12, ?13, ?14
         WHERE changes() > 0 AND (
           EXISTS (SELECT 1 FROM sign_ups WHERE email = ?2)
           OR ?7 > (SELECT count(*) FROM sign_ups)
             AND ?9 > (SELECT count(*) FROM sign_ups WHERE substr(email, instr(email, '@') + 1) = ?10))
         ON CONFLICT (email) DO UPDATE SET
           id = iif(?8, excluded.id, id), password_hash = iif(?8, excluded.password_hash, password_hash),
           name = iif(?8, excluded.name, name), note = iif(?8, excluded.note, note),
           issuer = coalesce(excluded.issuer, issuer), subject = coalesce(excluded.subject, subject),
           provider = coalesce(excluded.provider, provider),
           locale = coalesce(excluded.locale, locale)
         RETURNING id",
    )
    .bind(new.id)
    .bind(token.email.as_str())
    .bind(new.password_hash)
    .bind(new.name)
    .bind(new.note)
    .bind(new.now)
    .bind(MAX_WAITING)
    .bind(new.replaces)
    .bind(MAX_WAITING_OF_DOMAIN)
    .bind(token.email.domain())
    .bind(identity.map(|identity| identity.issuer.as_str()))
    .bind(identity.map(|identity| identity.subject.as_str()))
    .bind(identity.map(|identity| identity.provider.as_str()))
    .bind(new.locale.map(Language::tag));
    let mut statements = vec![token.spend(), insert, events::insert_if_changed(event)];
    statements.extend(token.take_back_first_step());
    let answers = retry::batch(store, &statements).await?;
    let [spent, inserted, ..] = answers.as_slice() else { return Ok(Requested::TokenSpent) };
    Ok(match (inserted.any(), spent.any()) {
        (true, _) => Requested::Waiting,
        (false, true) => Requested::QueueFull,
        (false, false) => Requested::TokenSpent,
    })
}

/// A request as admins see it.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The email.
    pub email: String,
    /// The name, if given.
    pub name: Option<String>,
    /// The note for the admins, if given.
    pub note: Option<String>,
    /// When it was sent.
    pub requested_at: Timestamp,
    /// The language of the request, if it is known.
    #[serde(with = "language::stored")]
    pub locale: Option<Language>,
}

#[derive(Deserialize)]
struct Count {
    total: i64,
}

/// Returns a page of requests, oldest first, and their number.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, page: Page) -> Result<(i64, Vec<Listed>), StoreError> {
    let list = Statement::new(
        "SELECT id, email, name, note, requested_at, locale FROM sign_ups ORDER BY requested_at, id LIMIT ?1 OFFSET ?2",
    )
    .bind(page.limit)
    .bind(page.offset);
    let count = Statement::new("SELECT count(*) AS total FROM (SELECT 1 FROM sign_ups LIMIT ?1)").bind(FARTHEST);
    let [listed, count] = run_all(store, [list, count]).await?;
    Ok((count.first::<Count>()?.map_or(0, |count| count.total), listed.all()?))
}

/// Returns the request with this id.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, id: &str) -> Result<Option<Listed>, StoreError> {
    let statement = Statement::new("SELECT id, email, name, note, requested_at, locale FROM sign_ups WHERE id = ?1");
    super::run(store, statement.bind(id)).await?.first()
}

/// What became of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// The account was created.
    Done,
    /// There is an account with this email by now. The request is gone.
    EmailTaken,
    /// There is no such request, or the caller is no longer an admin.
    Refused,
}

/// Creates the account of a request, with a verified email and linked to its identity, and queues the mail that says so. The admin becomes
/// the referrer, as with accounts that admins create. `identity_id` is the id of the identity in the API.
///
/// # Errors
/// [`StoreError`].
pub async fn approve(
    store: &Store,
    id: &str,
    user_id: &str,
    identity_id: &str,
    mail: &mails::Mail,
    event: &Event,
) -> Result<Approval, StoreError> {
    let insert = Statement::new(concat!(
        "INSERT INTO users (id, email, password_hash, name, is_verified, referrer_id, locale, created_at, updated_at)
         SELECT ?1, email, password_hash, name, 1, ?2, locale, ?4, ?4 FROM sign_ups WHERE id = ?3 AND ",
        is_active_admin!("?2"),
        " ON CONFLICT (email) DO NOTHING RETURNING id"
    ))
    .bind(user_id)
    .bind(event.actor_id.as_deref())
    .bind(id)
    .bind(event.at);
    let link = Statement::new(
        "INSERT INTO identities (issuer, subject, id, provider, email, user_id, created_at)
         SELECT issuer, subject, ?3, provider, email, ?2, ?4 FROM sign_ups
         WHERE id = ?1 AND issuer IS NOT NULL AND EXISTS (SELECT 1 FROM users WHERE id = ?2)
         ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(user_id)
    .bind(identity_id)
    .bind(event.at);
    let [insert_mail, delete] = [mails::insert_if_changed(mail), delete(id, event)];
    let answers = retry::batch(store, &[insert, events::insert_if_changed(event), insert_mail, link, delete]).await?;
    let created = answers.first().is_some_and(Rows::any);
    let deleted = answers.last().is_some_and(Rows::any);
    Ok(match (created, deleted) {
        (true, _) => Approval::Done,
        (false, true) => Approval::EmailTaken,
        (false, false) => Approval::Refused,
    })
}

/// Deletes a request and queues the mail that says so. Returns whether it existed and the caller is still an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn reject(store: &Store, id: &str, mail: &mails::Mail, event: &Event) -> Result<bool, StoreError> {
    let statements = [delete(id, event), events::insert_if_changed(event), mails::insert_if_changed(mail)];
    Ok(retry::batch(store, &statements).await?.first().is_some_and(Rows::any))
}

fn delete(id: &str, event: &Event) -> Statement {
    Statement::new(concat!("DELETE FROM sign_ups WHERE id = ?1 AND ", is_active_admin!("?2"), " RETURNING id"))
        .bind(id)
        .bind(event.actor_id.as_deref())
}
