//! `POST /api/auth/me/send-invite`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        user_token,
    },
    app::App,
    domain::{
        email::Email,
        event::Action,
        name::Name,
        sign_up_mode::SignUpMode,
        throttle::{INVITE_BY_EMAIL, INVITE_BY_USER},
        user_token::{INVITATION, MAX_LIFETIME_DAYS, MAX_LIVE, MAX_USES, expiry},
    },
    error::Error,
    mail::queue::QueuedMail,
    store::{
        throttles::{self, Counter},
        user_tokens::{self, Terms},
    },
    web::{Integer, Request, Response, True},
};

/// The person to invite.
#[derive(FromFields)]
pub struct Invitation {
    /// The email address that gets the sign-up link.
    pub email: Email,
    /// The lifetime of the link in days. The default is a setting.
    pub expires_in_days: Option<Integer<1, MAX_LIFETIME_DAYS>>,
    /// How many people can sign up with the link. By default, there is no limit.
    pub max_uses: Option<Integer<1, MAX_USES>>,
    /// A note for your own list. It is not mailed.
    pub note: Option<Name>,
}

/// Invite someone by email.
///
/// Sends an email with a sign-up link that contains a new user token. The response does not reveal whether the address has an
/// account. The checks run in this order:
///
/// 1. The session: 401 or 403. The setting: 403 if nobody may sign up. Your own email: 403 if it is not verified. Then the body: 400, 413, 415 or 422.
/// 2. The number of invitations by you and to this address, and of emails of any kind to it: 429.
/// 3. The number of your active user tokens: 409.
///
/// The email is sent after the response.
#[operation(
    request_body = Invitation,
    responses((status = 200, body = True), (status = "4XX", description = "sign_up_closed email_not_verified too_many_tokens too_many_requests"))
)]
pub async fn post(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    if app.settings().sign_up == SignUpMode::Closed {
        return Err(Error::SignUpClosed);
    }
    if !user.is_verified {
        return Err(Error::EmailNotVerified);
    }
    let Invitation { email, expires_in_days, max_uses, note } = request.json(app)?;

    let key = &app.keys().throttle;
    let by_user = Counter::new(key, INVITE_BY_USER, &[&user.id]);
    let by_email = Counter::new(key, INVITE_BY_EMAIL, &[email.as_str()]);
    throttles::attempt(&app.store, &by_email, &by_user, app.now).await??;

    let days = expires_in_days.map_or(app.settings().user_token_lifetime_days, Integer::get);
    let (token, new) = user_token::draw(app, &user.id, Some(&email))?;
    let queued = QueuedMail::invitation(app, &email, user.name.clone(), &token, days).await?;
    let terms = Terms {
        name: Some(INVITATION),
        note: note.as_ref().map(Name::as_str),
        expires_at: expiry(app.now, days),
        max_uses: max_uses.map(Integer::get),
    };
    let (store, event) = (&app.store, audit::own(app, Action::InvitationSent, session));
    if !user_tokens::insert(store, &new, terms, Some(&queued.mail), &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::TooManyTokens(MAX_LIVE)).await);
    }
    queued.deliver_later(app);
    Ok(Response::ok())
}
