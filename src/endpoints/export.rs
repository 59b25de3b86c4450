//! `GET /api/auth/me/export`

use http::header;
use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{bearer::Session, provider_visit},
    app::App,
    domain::{Timestamp, page::NEWEST},
    error::Error,
    language::Language,
    responses::{self, EmailProblem, Event, Identity, Passkey, User},
    store::{
        devices, email_changes,
        events::{self, Filter, UserRef},
        identities, passkeys, second_factors, sessions, user_tokens,
    },
    web::Response,
};

/// The maximum number of events in an export.
const MAX_EVENTS: i64 = 1_000;

/// A device that you have signed in from.
#[derive(Serialize, ToSchema)]
pub struct ExportedDevice {
    /// The browser or program.
    #[schema(required)]
    browser: Option<String>,
    /// The operating system.
    #[schema(required)]
    system: Option<String>,
    /// The country of the first sign-in (ISO 3166-1 alpha-2).
    #[schema(required)]
    country: Option<String>,
    /// The city of the first sign-in.
    #[schema(required)]
    city: Option<String>,
    /// The time of the first sign-in.
    first_sign_in_at: Timestamp,
    /// The time of the last sign-in, to the hour.
    last_sign_in_at: Timestamp,
}

impl From<devices::Listed> for ExportedDevice {
    fn from(device: devices::Listed) -> Self {
        let devices::Listed { browser, system, country, city, first_sign_in_at, last_sign_in_at } = device;
        ExportedDevice { browser, system, country, city, first_sign_in_at, last_sign_in_at }
    }
}

/// An active invitation, without its token.
#[derive(Serialize, ToSchema)]
pub struct ExportedInvitation {
    /// The name in your list.
    #[schema(required)]
    name: Option<String>,
    /// The note in your list.
    #[schema(required)]
    note: Option<String>,
    /// The time of its creation.
    created_at: Timestamp,
    /// The time when it expires.
    expires_at: Timestamp,
    /// How many people can sign up with it. Null if there is no limit.
    #[schema(required)]
    max_uses: Option<i64>,
    /// How many people have signed up with it.
    uses: i64,
}

/// What the service stores about you.
#[derive(Serialize, ToSchema)]
pub struct Export<'a> {
    /// The time of the export.
    exported_at: Timestamp,
    /// Your account.
    user: User<'a>,
    /// The tag of your language. Null if it is not known.
    #[schema(required, example = "de")]
    locale: Option<&'static str>,
    /// The address that waits for a code to become yours, or null if there is none.
    #[schema(required)]
    pending_email: Option<String>,
    /// Why emails do not reach your address, or null if they do.
    #[schema(required)]
    email_problem: Option<EmailProblem>,
    /// Whether every session needs two factors.
    second_factor: bool,
    /// Whether there is an authenticator app.
    has_totp: bool,
    /// The number of unused recovery codes.
    recovery_codes: i64,
    /// Your active sessions, at most 200.
    sessions: Vec<responses::Session>,
    /// The devices that you have signed in from.
    devices: Vec<ExportedDevice>,
    /// Your passkeys.
    passkeys: Vec<Passkey>,
    /// Your accounts at identity providers.
    identities: Vec<Identity>,
    /// Your active invitations.
    invitations: Vec<ExportedInvitation>,
    /// Your newest events, at most 1,000.
    events: Vec<Event>,
    /// Whether these are all of your events.
    events_are_complete: bool,
}

/// Export your data.
///
/// Returns what the service stores about you as one document, for a download. It has no password, no key and no token, so it opens nothing.
#[operation(responses((
    status = 200,
    body = Export,
    headers(("Content-Disposition" = String, description = "The name of the file for a download.")),
)))]
pub async fn get(app: &App, session: &Session) -> Result<Response, Error> {
    let (store, user) = (&app.store, &session.user);
    let ways = second_factors::find(store, &user.id).await?.ok_or(Error::Unauthorized)?;
    let sessions = sessions::list(store, &user.id, &session.id, app.now).await?.sessions;
    let keys = &app.keys().user_token;
    let invitations = user_tokens::list(store, &user.id, app.now).await?.into_iter().map(|stored| ExportedInvitation {
        name: stored.display_name(keys, &user.id),
        note: stored.note,
        created_at: stored.created_at,
        expires_at: stored.expires_at,
        max_uses: stored.max_uses,
        uses: stored.uses,
    });
    let filter = Filter { user: Some(UserRef::Id(user.id.clone())), ..Filter::default() };
    let mut events = events::list(store, &filter, NEWEST, MAX_EVENTS + 1).await?.events;
    let most = usize::try_from(MAX_EVENTS).unwrap_or_default();
    let events_are_complete = events.len() <= most;
    events.truncate(most);
    let export = Export {
        exported_at: app.now,
        user: User::from(user),
        locale: user.locale.map(Language::tag),
        pending_email: email_changes::find(store, &user.id, app.now).await?.map(|pending| pending.new_email),
        email_problem: ways.email_problem().map(EmailProblem::from),
        second_factor: ways.requires_second_factor,
        has_totp: ways.totp_confirmed_at.is_some(),
        recovery_codes: ways.recovery_codes,
        sessions: sessions.into_iter().map(responses::Session::from).collect(),
        devices: devices::list(store, &user.id).await?.into_iter().map(ExportedDevice::from).collect(),
        passkeys: passkeys::list(store, &user.id).await?.into_iter().map(Passkey::from).collect(),
        identities: provider_visit::with_names(app, identities::list(store, &user.id).await?),
        invitations: invitations.collect(),
        events: events.into_iter().map(|event| Event::from(event).as_seen_by(&user.id)).collect(),
        events_are_complete,
    };
    let name = "attachment; filename=\"postern-export.json\"";
    Ok(Response::json(&export).header(header::CONTENT_DISPOSITION, name.to_owned()))
}
