//! The table `sessions`.

use serde::Deserialize;

use super::{
    ReadFrom, Store,
    administration::is_active_admin,
    decode::flag,
    devices::{self, is_new_device},
    events, run, run_all, run_on,
};
use crate::{
    domain::{
        Timestamp,
        event::Event,
        page::FARTHEST,
        proof::Proof,
        session::{MAX_LIVE, SEEN_STEP},
        user::User,
    },
    ports::{Rows, Statement, StoreError},
};

/// The condition that the session of the request is live: its id, its user and the time. Statements that give an account something new
/// need it, because the session may have ended since it was checked, for example when the owner of the mailbox claimed the account.
macro_rules! is_live_session {
    ($session:literal, $user:literal, $now:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM sessions WHERE id = ",
            $session,
            " AND user_id = ",
            $user,
            " AND expires_at > ",
            $now,
            ")"
        )
    };
}
pub(super) use is_live_session;

/// A new session.
#[derive(Debug)]
pub struct New {
    /// Its id.
    pub id: String,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// When it starts.
    pub now: Timestamp,
    /// When it expires, unless it is refreshed.
    pub expires_at: Timestamp,
    /// How the user has proven who they are.
    pub proof: Proof,
    /// The device that it starts on.
    pub device: devices::New,
}

/// What starts a session: both parts belong into the same batch.
pub(super) struct Beginning {
    /// The statement that starts it.
    pub session: Statement,
    /// The statements that remember the device and queue the mail about a new one. They follow anywhere after the first one.
    pub device: Vec<Statement>,
}

/// A session that has started.
#[must_use]
#[derive(Debug, Deserialize)]
pub struct Begun {
    /// Whether it is on a device that is new to the user, and not the first one.
    #[serde(deserialize_with = "flag")]
    pub is_on_new_device: bool,
}

/// The maximum number of sessions that one login ends. An account with more from before the limit gets below it step by step.
const STEP: i64 = 1_000;

/// A live session with its user.
#[derive(Debug)]
pub struct Live {
    /// The user.
    pub user: User,
    /// Whether the default password is still in force.
    pub must_change_password: bool,
    /// Whether every session of the user needs two factors.
    pub requires_second_factor: bool,
    /// When it started.
    pub session_created_at: Timestamp,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// How.
    pub proof: Proof,
    /// When the session was last used, to the hour. `None` if that is not known yet.
    pub last_seen_at: Option<Timestamp>,
}

/// The columns that are not the user's.
#[derive(Deserialize)]
struct Beside {
    #[serde(deserialize_with = "flag")]
    must_change_password: bool,
    #[serde(deserialize_with = "flag")]
    second_factor: bool,
    session_created_at: Timestamp,
    authenticated_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    methods: String,
}

impl Live {
    fn of(rows: &Rows) -> Result<Option<Live>, StoreError> {
        // Parsed twice, because serde would copy the values of a nested struct.
        let (Some(user), Some(beside)) = (rows.first()?, rows.first()?) else { return Ok(None) };
        let Beside { must_change_password, second_factor, session_created_at, authenticated_at, last_seen_at, methods } =
            beside;
        Ok(Some(Live {
            user,
            must_change_password,
            requires_second_factor: second_factor,
            session_created_at,
            authenticated_at: authenticated_at.unwrap_or(session_created_at),
            last_seen_at,
            proof: Proof::parse(&methods),
        }))
    }
}

/// A session as its owner and admins see it.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What the browser called itself at the login.
    pub user_agent: Option<String>,
    /// The country, as far as it is stored.
    pub country: Option<String>,
    /// The city, as far as it is stored.
    pub city: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the hour.
    pub last_seen_at: Option<Timestamp>,
    /// When it ends, if it is not refreshed.
    pub expires_at: Timestamp,
    /// Whether it is the session of the request.
    #[serde(deserialize_with = "flag")]
    pub current: bool,
}

/// Returns the live session with this id and its user, in one statement. From a replica, the result can be as old as `heartbeat`
/// allows.
///
/// # Errors
/// [`StoreError`].
pub async fn find_live(
    store: &Store,
    read_from: ReadFrom,
    session_id: &str,
    now: Timestamp,
) -> Result<Option<Live>, StoreError> {
    // Not all columns of the user: each one is text to transfer and parse, and a session check needs no password hash. `?3` is for
    // the replica.
    let statement = Statement::new(
        "SELECT users.id, email, name, role, tier, is_active, is_verified, must_change_password, second_factor, referrer_id, locale,
           extra, users.created_at, updated_at, sessions.created_at AS session_created_at, authenticated_at, last_seen_at, methods
         FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE sessions.id = ?1 AND sessions.expires_at > ?2
           AND (?3 IS NULL OR is_active = 1 AND EXISTS (SELECT 1 FROM heartbeat WHERE beat_at > ?3))",
    )
    .bind(session_id)
    .bind(now);
    Live::of(&run_on(store, read_from, statement, now).await?)
}

/// What must hold besides an active user when a session starts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition<'a> {
    /// The password is still that of this epoch.
    PasswordEpoch(i64),
    /// The previous statement of the batch has used up a proof.
    ProofSpent,
    /// The previous statement of the batch has used up this proof, and it still holds.
    Proven(Proven<'a>),
    /// The previous statement of the batch has used up a second factor, and what the first step has proven still holds.
    SecondStep {
        /// The epoch of the password at the first step. It is still the same.
        password_epoch: i64,
        /// What the first step has proven, unless it was the password.
        first_step: Option<Proven<'a>>,
    },
}

/// What a user has proven, other than the password. It holds as long as nothing has ended all sessions of the user since `asked_at`.
#[derive(Debug, Clone, Copy)]
pub struct Proven<'a> {
    /// An email. It must still be the verified one of the user.
    pub email: Option<&'a str>,
    /// The issuer and the subject of an identity. It must still be linked to the user.
    pub identity: Option<(&'a str, &'a str)>,
    /// When the user began to prove it.
    pub asked_at: Timestamp,
}

/// What the statements ask of a [`Condition`].
struct Parameters<'a> {
    epoch: Option<i64>,
    needs_proof: bool,
    proven: Option<Proven<'a>>,
}

impl<'a> Condition<'a> {
    fn parameters(self) -> Parameters<'a> {
        let (epoch, needs_proof, proven) = match self {
            Condition::PasswordEpoch(epoch) => (Some(epoch), false, None),
            Condition::ProofSpent => (None, true, None),
            Condition::Proven(proven) => (None, true, Some(proven)),
            Condition::SecondStep { password_epoch, first_step } => (Some(password_epoch), true, first_step),
        };
        Parameters { epoch, needs_proof, proven }
    }
}

/// Starts a session. This is the only statement that does, so every way in comes through here.
///
/// It has no effect if the user requires a higher level than the proof has: a trigger of the database sees to that. `RETURNING`
/// shows whether it had one: see [`Begun`].
pub(super) fn begin(session: &New, user_id: &str, condition: Condition<'_>) -> Beginning {
    let Parameters { epoch, needs_proof, proven } = condition.parameters();
    let (issuer, subject) = proven.and_then(|proven| proven.identity).unzip();
    let statement = Statement::new(concat!(
        "INSERT INTO sessions (id, user_id, user_agent, created_at, expires_at, authenticated_at, last_seen_at, level, methods, country, city)
         SELECT ?1, id, ?3, ?4, ?5, ?4, ?4, ?6, ?7, ?14, ?15 FROM users
         WHERE id = ?2 AND is_active = 1 AND (?8 IS NULL OR password_epoch = ?8) AND (?9 = 0 OR changes() > 0)
           AND (?10 IS NULL OR email_codes_from <= ?10) AND (?11 IS NULL OR email = ?11 AND is_verified = 1)
           AND (?12 IS NULL OR EXISTS (
             SELECT 1 FROM identities WHERE issuer = ?12 AND subject = ?13 AND identities.user_id = users.id))
         RETURNING id, ",
        is_new_device!("?2", "?16", "?17"),
        " AS is_on_new_device"
    ))
    .bind(session.id.as_str())
    .bind(user_id)
    .bind(session.user_agent.as_deref())
    .bind(session.now)
    .bind(session.expires_at)
    .bind(session.proof.level().number())
    .bind(session.proof.to_text())
    .bind(epoch)
    .bind(needs_proof)
    .bind(proven.map(|proven| proven.asked_at))
    .bind(proven.and_then(|proven| proven.email))
    .bind(issuer)
    .bind(subject)
    .bind(session.device.country.as_deref())
    .bind(session.device.city.as_deref())
    .bind(session.device.key.as_str())
    .bind(session.device.previous_key.as_deref());
    Beginning { session: statement, device: devices::remember(user_id, session) }
}

/// Stores that the user has proven again who they are, in the same session. `proof` is that of the session with the new method. Has
/// no effect if the session has ended or the account is not active.
pub(super) fn strengthen(session_id: &str, proof: &Proof, condition: Condition<'_>, now: Timestamp) -> Statement {
    let Parameters { epoch, needs_proof, proven } = condition.parameters();
    Statement::new(
        "UPDATE sessions SET authenticated_at = max(?2, coalesce(authenticated_at, 0)), level = max(level, ?3), methods = ?4
         WHERE id = ?1 AND expires_at > ?2 AND (?6 = 0 OR changes() > 0) AND EXISTS (
           SELECT 1 FROM users WHERE id = sessions.user_id AND is_active = 1 AND (?5 IS NULL OR password_epoch = ?5)
             AND (?7 IS NULL OR email_codes_from <= ?7) AND (?8 IS NULL OR email = ?8 AND is_verified = 1))
         RETURNING id",
    )
    .bind(session_id)
    .bind(now)
    .bind(proof.level().number())
    .bind(proof.to_text())
    .bind(epoch)
    .bind(needs_proof)
    .bind(proven.map(|proven| proven.asked_at))
    .bind(proven.and_then(|proven| proven.email))
}

/// Ends the sessions of a user beyond [`MAX_LIVE`], if the previous statement of the batch has started this session. Reads only the
/// sessions that it keeps and ends.
pub(super) fn end_surplus(user_id: &str, begun: &New) -> Statement {
    Statement::new(
        "DELETE FROM sessions
         WHERE id IN (
             SELECT id FROM sessions WHERE user_id = ?1 AND id <> ?2 ORDER BY expires_at DESC LIMIT ?4 OFFSET ?3)
           AND EXISTS (SELECT 1 FROM sessions WHERE id = ?2)",
    )
    .bind(user_id)
    .bind(begun.id.as_str())
    .bind(MAX_LIVE - 1)
    .bind(STEP)
}

/// Extends a live session. Returns whether it is still live.
///
/// # Errors
/// [`StoreError`].
pub async fn extend(
    store: &Store,
    session_id: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let statement = Statement::new(
        "UPDATE sessions SET expires_at = max(expires_at, ?2) WHERE id = ?1 AND expires_at > ?3 RETURNING id",
    );
    Ok(run(store, statement.bind(session_id).bind(expires_at).bind(now)).await?.any())
}

/// Stores that a session is in use, unless that was stored within the last hour.
///
/// # Errors
/// [`StoreError`].
pub async fn see(store: &Store, session_id: &str, now: Timestamp) -> Result<(), StoreError> {
    let statement = Statement::new(
        "UPDATE sessions SET last_seen_at = ?2 WHERE id = ?1 AND (last_seen_at IS NULL OR last_seen_at <= ?2 - ?3)",
    );
    run(store, statement.bind(session_id).bind(now).bind(SEEN_STEP)).await.map(drop)
}

/// A list of sessions, with their total number.
#[derive(Debug)]
pub struct List {
    /// At most 200 sessions, latest expiry first. The session of the request is always among them.
    pub sessions: Vec<Listed>,
    /// The number of live sessions of the user, counted up to [`FARTHEST`].
    pub total: i64,
}

#[derive(Deserialize)]
struct Total {
    total: i64,
}

/// Returns the live sessions of a user. `asking` is the session of the request.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, user_id: &str, asking: &str, now: Timestamp) -> Result<List, StoreError> {
    // Both halves use an index, so the cost is bounded by the limit.
    let list = Statement::new(
        "SELECT id, user_agent, country, city, created_at, last_seen_at, expires_at, id = ?3 AS current FROM (
           SELECT * FROM (
             SELECT * FROM sessions WHERE user_id = ?1 AND expires_at > ?2 AND id <> ?3
             ORDER BY expires_at DESC, id DESC
             LIMIT 200 - EXISTS (SELECT 1 FROM sessions WHERE id = ?3 AND user_id = ?1 AND expires_at > ?2))
           UNION ALL
           SELECT * FROM sessions WHERE id = ?3 AND user_id = ?1 AND expires_at > ?2)
         ORDER BY expires_at DESC, id DESC",
    );
    let list = list.bind(user_id).bind(now).bind(asking);
    let count = Statement::new(
        "SELECT count(*) AS total FROM (SELECT 1 FROM sessions WHERE user_id = ?1 AND expires_at > ?2 LIMIT ?3)",
    );
    let count = count.bind(user_id).bind(now).bind(FARTHEST);
    let [list, count] = run_all(store, [list, count]).await?;
    Ok(List { sessions: list.all()?, total: count.first::<Total>()?.map_or(0, |count| count.total) })
}

/// Ends one session of a user. Returns whether it existed, and the caller is that user or still an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn end(store: &Store, user_id: &str, session_id: &str, event: &Event) -> Result<bool, StoreError> {
    let end = Statement::new(concat!(
        "DELETE FROM sessions WHERE id = ?1 AND user_id = ?2 AND (user_id = ?3 OR ",
        is_active_admin!("?3"),
        ") RETURNING id"
    ));
    let end = end.bind(session_id).bind(user_id).bind(event.actor_id.as_deref());
    let [ended, _] = run_all(store, [end, events::insert_if_changed(event)]).await?;
    Ok(ended.any())
}

/// Ends every session of a user, and the codes by email that wait. Returns whether the user exists and the caller is still an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn end_all(store: &Store, user_id: &str, event: &Event) -> Result<bool, StoreError> {
    let end = Statement::new(concat!("DELETE FROM sessions WHERE user_id = ?1 AND ", is_active_admin!("?2")));
    let find = Statement::new(concat!("SELECT id FROM users WHERE id = ?1 AND ", is_active_admin!("?2")));
    let bound = |statement: Statement| statement.bind(user_id).bind(event.actor_id.as_deref());
    let end_codes =
        Statement::new(concat!("UPDATE users SET email_codes_from = ?3 WHERE id = ?1 AND ", is_active_admin!("?2")));
    let statements = [bound(end), events::insert_if_changed(event), bound(end_codes).bind(event.at), bound(find)];
    let [_, _, _, found] = run_all(store, statements).await?;
    Ok(found.any())
}

/// Ends every session of a user except one, if an earlier statement of the batch has set this password hash. Its salt is random, so
/// no other batch has set it.
pub(super) fn end_all_but(user_id: &str, kept_session: &str, new_hash: &str) -> Statement {
    Statement::new(
        "DELETE FROM sessions
         WHERE user_id = ?1 AND id <> ?2 AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND password_hash = ?3)",
    )
    .bind(user_id)
    .bind(kept_session)
    .bind(new_hash)
}
