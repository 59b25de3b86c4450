//! `GET /api/auth/me/identities`, `POST` and `DELETE /api/auth/me/identities/{id}`, and `POST /api/auth/me/identities/{id}/callback`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        one_time::ProviderPurpose,
        provider_visit,
    },
    app::App,
    domain::{event::Action, return_to::ReturnTo},
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::{Identity, ProviderVisitBegun},
    store::identities::{self, Linked, MAX, Unlinked},
    web::{ProviderCallback, Request, Response, True},
};

/// List your identities.
///
/// Returns the accounts at identity providers that you can sign in with, oldest first.
#[operation(responses((status = 200, body = Vec<Identity>)))]
pub async fn list(app: &App, session: &Session) -> Result<Response, Error> {
    let identities = identities::list(&app.store, &session.user.id).await?;
    Ok(Response::json(&provider_visit::with_names(app, identities)))
}

/// The options for linking an identity.
#[derive(FromFields)]
pub struct NewIdentity {
    /// Where to send you afterwards.
    pub return_to: Option<ReturnTo>,
}

/// Begin to link an identity.
///
/// Returns the URL of the provider, as `POST /api/auth/login/{provider}` does. The provider's response works only in this session.
#[operation(
    params(("id" = String, Path, description = "The `id` of one of the `identity_providers` in `GET /config`.", example = "google")),
    request_body(content = Option<NewIdentity>),
    responses(
        (status = 200, body = ProviderVisitBegun),
        (status = "4XX", description = "unknown_provider provider_unavailable")
    )
)]
pub async fn begin(app: &App, request: &Request, session: &Session, id: &str) -> Result<Response, Error> {
    let provider = provider_visit::provider(app, id)?;
    let NewIdentity { return_to } = request.optional_json(app)?;
    let purpose = ProviderPurpose::Link { user_id: session.user.id.clone(), session_id: session.id.clone() };
    Ok(Response::json(&provider_visit::begin(app, provider, purpose, return_to.map(ReturnTo::into_string)).await?))
}

/// Link an identity.
///
/// Links the account from the provider's response. From then on, you can sign in with it instead of your password. You are
/// notified by email.
#[operation(
    params(("id" = String, Path, description = "The `id` of the provider.", example = "google")),
    request_body = ProviderCallback,
    responses(
        (status = 200, body = Identity),
        (status = "4XX", description = "unknown_provider provider_refused identity_taken too_many_identities provider_unavailable")
    )
)]
pub async fn link(app: &App, request: &Request, session: &Session, id: &str) -> Result<Response, Error> {
    provider_visit::provider(app, id)?;
    let callback: ProviderCallback = request.json(app)?;
    let own = ProviderPurpose::Link { user_id: session.user.id.clone(), session_id: session.id.clone() };
    let arrived = provider_visit::arrive(app, id, callback, |purpose| *purpose == own).await?;
    let new = arrived.row()?;
    let name = provider_visit::name(app, id).to_owned();
    let notice = SecurityNotice::IdentityLinked { provider: name.clone() };
    let queued = QueuedNotice::to(app, &session.user, notice)?;
    let event = audit::own(app, Action::IdentityLinked, session);
    let token = (arrived.visit.id.as_str(), arrived.visit.expires_at);
    let (user_id, notice) = (&session.user.id, queued.notice());
    match identities::link(&app.store, token, &new, user_id, &session.id, notice, &event).await? {
        Linked::Done { identity, is_new } => {
            if is_new {
                queued.deliver_later(app);
            }
            Ok(Response::json(&Identity::new(*identity, &name)))
        }
        Linked::TokenUsed => Err(Error::ProviderRefused),
        Linked::Taken => Err(audit::refused(app, event, Error::IdentityTaken)),
        Linked::TooMany => Err(Error::TooManyIdentities(MAX)),
        Linked::SessionEnded => Err(bearer::refusal_of_session(app, session, Error::Unauthorized).await),
    }
}

/// Unlink one of your identities.
///
/// Fails if it is your only way to sign in. You are notified by email.
#[operation(
    params(("id" = String, Path, description = "The id of the identity.", example = "3f0c7a52-9a5e-4f0b-8f5d-2c1b6e7d8a90")),
    responses((status = 200, body = True), (status = "4XX", description = "not_found last_way_in"))
)]
pub async fn delete(app: &App, session: &Session, id: &str) -> Result<Response, Error> {
    let user = &session.user;
    let provider = identities::find_provider(&app.store, &user.id, id).await?.ok_or(Error::NotFound)?;
    let provider = provider_visit::name(app, &provider).to_owned();
    let queued = QueuedNotice::to(app, user, SecurityNotice::IdentityUnlinked { provider })?;
    let event = audit::own(app, Action::IdentityUnlinked, session);
    let others = provider_visit::other_ways(app);
    match identities::unlink(&app.store, &user.id, id, &others, queued.notice(), &event).await? {
        Unlinked::Done => {
            queued.deliver_later(app);
            Ok(Response::ok())
        }
        Unlinked::NotFound => Err(Error::NotFound),
        Unlinked::LastWayIn => Err(Error::LastWayIn),
    }
}
