//! Admin actions on the accounts of other users.
//!
//! Every statement that writes requires that the caller is still an active admin. So an admin who is demoted during a request has
//! no effect, and because admins cannot act on their own account, one active admin is left whatever they do to each other.

use super::{
    Store,
    events::{self, insert_event},
    mails, retry, run_all,
    throttles::{self, Counter},
};
use crate::{
    domain::{
        Timestamp,
        email::Email,
        event::{Action, Event},
        user::{Role, User},
    },
    ports::{Statement, StoreError, Value},
};

/// The condition that the parameter is the id of an active admin.
macro_rules! is_active_admin {
    ($parameter:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM users AS admin WHERE admin.id = ",
            $parameter,
            " AND admin.role = 'admin' AND admin.is_active = 1)"
        )
    };
}
pub(super) use is_active_admin;

/// A user whom an admin creates.
pub struct New<'a> {
    /// The id.
    pub id: &'a str,
    /// The email.
    pub email: &'a Email,
    /// A PHC string.
    pub password_hash: &'a str,
    /// The name, if given.
    pub name: Option<&'a str>,
    /// The role.
    pub role: Role,
    /// The tier.
    pub tier: i64,
    /// Whether the email counts as verified.
    pub is_verified: bool,
    /// The first reset link: its id, and the mail with it.
    pub password_reset: Option<(&'a str, &'a mails::Mail)>,
}

/// Creates a user with the admin as the referrer. Returns `None` if the email is taken or the caller is no longer an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn create(store: &Store, user: New<'_>, event: &Event) -> Result<Option<User>, StoreError> {
    let insert = Statement::new(concat!(
        "INSERT INTO users (
           id, email, password_hash, name, role, tier, is_verified, password_reset_id, referrer_id, created_at, updated_at,
           password_epoch)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 1 WHERE ",
        is_active_admin!("?9"),
        " ON CONFLICT (email) DO NOTHING RETURNING *"
    ))
    .bind(user.id)
    .bind(user.email.as_str())
    .bind(user.password_hash)
    .bind(user.name)
    .bind(user.role.as_str())
    .bind(user.tier)
    .bind(user.is_verified)
    .bind(user.password_reset.map(|(id, _)| id))
    .bind(event.actor_id.as_deref())
    .bind(event.at);
    let event = event.clone().sets(Some(user.role), Some(user.tier));
    let mut statements = vec![insert, events::insert_if_changed(&event)];
    statements.extend(user.password_reset.map(|(id, mail)| mails::insert_if_reset_is(mail, user.id, id)));
    let mut answers = retry::batch(store, &statements).await?.into_iter();
    answers.next().unwrap_or_default().first()
}

/// A change of a user. `None` leaves a value unchanged.
#[derive(Debug)]
pub struct Change<'a> {
    /// The name. `Some(None)` removes it.
    pub name: Option<Option<&'a str>>,
    /// The role.
    pub role: Option<Role>,
    /// The tier.
    pub tier: Option<i64>,
    /// Whether the user is active. Only a different value changes anything, and ends the user's part in a freeze.
    pub is_active: Option<bool>,
    /// Whether the email counts as verified.
    pub is_verified: Option<bool>,
    /// The `updated_at` that the change is based on. If it is no longer current, nothing changes.
    pub based_on: Option<Timestamp>,
}

/// Writes an event if the column is about to change.
macro_rules! insert_if_differs {
    ($column:literal, old: $old:literal) => {
        insert_event!(subject: "?5", old: $old, from: concat!(
            "FROM users WHERE id = ?5 AND ",
            $column,
            " IS NOT ?13 AND (?14 IS NULL OR updated_at = ?14) AND ",
            is_active_admin!("?4")
        ))
    };
}

/// Changes a user, and writes an event for each value that changes. Returns `None` if there is no such user, the user has changed
/// since [`Change::based_on`], or the caller is no longer an admin. `event` builds the event of an action.
///
/// A change to the current values leaves `updated_at` unchanged.
///
/// # Errors
/// [`StoreError`].
pub async fn change(
    store: &Store,
    user_id: &str,
    admin_id: &str,
    change: &Change<'_>,
    now: Timestamp,
    event: impl Fn(Action) -> Event,
) -> Result<Option<User>, StoreError> {
    let differs = |action, sql, value: Value| {
        let event = match action {
            Action::RoleChanged => event(action).sets(change.role, None),
            Action::TierChanged => event(action).sets(None, change.tier),
            _ => event(action),
        };
        events::bind(&event, Statement::new(sql)).bind(value).bind(change.based_on)
    };
    let activity = |is_active| if is_active { Action::Activated } else { Action::Deactivated };
    let verification = |is_verified| {
        if is_verified { Action::EmailMarkedVerified } else { Action::EmailMarkedUnverified }
    };
    let mut statements: Vec<Statement> = [
        change.name.map(|name| differs(Action::NameChanged, insert_if_differs!("name", old: "NULL"), name.into())),
        change.role.map(|role| {
            differs(
                Action::RoleChanged,
                insert_if_differs!("role", old: "json_object('role', role)"),
                role.as_str().into(),
            )
        }),
        change.tier.map(|tier| {
            differs(Action::TierChanged, insert_if_differs!("tier", old: "json_object('tier', tier)"), tier.into())
        }),
        change
            .is_active
            .map(|value| differs(activity(value), insert_if_differs!("is_active", old: "NULL"), value.into())),
        change
            .is_verified
            .map(|value| differs(verification(value), insert_if_differs!("is_verified", old: "NULL"), value.into())),
    ]
    .into_iter()
    .flatten()
    .collect();
    let update = Statement::new(concat!(
        "UPDATE users SET
           name = CASE WHEN ?3 THEN ?4 ELSE name END, role = coalesce(?5, role), tier = coalesce(?6, tier),
           is_active = coalesce(?7, is_active), is_verified = coalesce(?10, is_verified),
           frozen_by = CASE WHEN coalesce(?7, is_active) = is_active THEN frozen_by END,
           frozen_at = CASE WHEN coalesce(?7, is_active) = is_active THEN frozen_at END,
           password_reset_id = CASE WHEN coalesce(?7, is_active) = is_active THEN password_reset_id END,
           updated_at = CASE
             WHEN ?3 AND name IS NOT ?4 OR role <> ?5 OR tier <> ?6 OR is_active <> ?7 OR is_verified <> ?10 THEN max(?8, updated_at + 1)
             ELSE updated_at END
         WHERE id = ?1 AND (?9 IS NULL OR updated_at = ?9) AND ",
        is_active_admin!("?2"),
        " RETURNING *"
    ))
    .bind(user_id)
    .bind(admin_id)
    .bind(change.name.is_some())
    .bind(change.name.flatten())
    .bind(change.role.map(Role::as_str))
    .bind(change.tier)
    .bind(change.is_active)
    .bind(now)
    .bind(change.based_on)
    .bind(change.is_verified);
    statements.push(update);
    retry::batch(store, &statements).await?.pop().unwrap_or_default().first()
}

/// Deletes a user with everything that belongs to the account. Users whom they invited stay, without a referrer. Returns whether
/// the user existed and the caller is still an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(store: &Store, user_id: &str, event: &Event) -> Result<bool, StoreError> {
    let delete =
        Statement::new(concat!("DELETE FROM users WHERE id = ?1 AND ", is_active_admin!("?2"), " RETURNING id"))
            .bind(user_id)
            .bind(event.actor_id.as_deref());
    let [deleted, _] = run_all(store, [delete, events::insert_if_changed(event)]).await?;
    Ok(deleted.any())
}

/// Gives an active user a new live reset token, which replaces the previous one, and queues the mail. Returns whether the user
/// exists and the caller is still an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn begin_password_reset(
    store: &Store,
    user_id: &str,
    reset_id: &str,
    mail: &mails::Mail,
    event: &Event,
) -> Result<bool, StoreError> {
    let begin = Statement::new(concat!(
        "UPDATE users SET password_reset_id = ?2 WHERE id = ?1 AND is_active = 1 AND ",
        is_active_admin!("?3"),
        " RETURNING id"
    ))
    .bind(user_id)
    .bind(reset_id)
    .bind(event.actor_id.as_deref());
    let statements = [begin, events::insert_if_changed(event), mails::insert_if_reset_is(mail, user_id, reset_id)];
    let [begun, _, _] = run_all(store, statements).await?;
    Ok(begun.any())
}

/// Deletes the authenticator app, the recovery codes and the passkeys of a user, ends every session, and resets the counter of wrong
/// codes, so that the user can set up new ones. Returns whether the user exists and the caller is still an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn reset_second_factors(
    store: &Store,
    user_id: &str,
    guesses: &Counter,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    let bind = |sql| Statement::new(sql).bind(user_id).bind(event.actor_id.as_deref());
    // A trigger deletes the recovery codes.
    let reset =
        bind(concat!("UPDATE users SET second_factor = 0 WHERE id = ?1 AND ", is_active_admin!("?2"), " RETURNING id"));
    let delete = [
        concat!("DELETE FROM totp WHERE user_id = ?1 AND ", is_active_admin!("?2")),
        concat!("DELETE FROM passkeys WHERE user_id = ?1 AND ", is_active_admin!("?2")),
        concat!("DELETE FROM sessions WHERE user_id = ?1 AND ", is_active_admin!("?2")),
    ];
    let mut statements = vec![reset];
    statements.extend(mails::event_and_notice(event, notice));
    statements.extend(delete.map(bind));
    statements.push(throttles::reset(guesses, event.actor_id.as_deref()));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|reset| reset.any()))
}
