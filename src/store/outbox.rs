//! The table `outbox`, which receives mail in local development.

use serde::Deserialize;

use super::{Store, run};
use crate::{
    domain::Timestamp,
    ports::{Statement, StoreError},
};

/// A mail as `/dev/outbox` shows it.
#[derive(Debug, Deserialize)]
pub struct Mail {
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body in plain text.
    pub text: String,
    /// The body in HTML.
    pub html: String,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// Stores a mail, unless one with the same id is stored.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(
    store: &Store,
    id: &str,
    to: &str,
    subject: &str,
    text: &str,
    html: &str,
    sent_at: Timestamp,
) -> Result<(), StoreError> {
    let statement = Statement::new(
        "INSERT INTO outbox (id, recipient, subject, text, html, sent_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO NOTHING",
    );
    run(store, statement.bind(id).bind(to).bind(subject).bind(text).bind(html).bind(sent_at)).await.map(drop)
}

/// Returns the last hundred mails, newest first: all of them, or those to one address.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, to: Option<&str>) -> Result<Vec<Mail>, StoreError> {
    let statement = Statement::new(
        "SELECT recipient AS \"to\", subject, text, html, sent_at FROM outbox
         WHERE ?1 IS NULL OR recipient = ?1 ORDER BY sent_at DESC, number DESC LIMIT 100",
    );
    run(store, statement.bind(to)).await?.all()
}
