//! The one door: the start of a session, whatever the way in, and its end.
//!
//! A way in collects a [`Proof`], stores the session with `store::sessions::begin`, and responds with [`answer`]. The database refuses
//! a session below the level that its user requires, so a way in that forgets about second factors starts no session.

use super::{
    bearer::{self, Carrier, Restriction, Session, TokenContent},
    mail_rows,
    one_time::{self, FirstStep, PendingSignIn},
    recent,
};
use crate::{
    app::App,
    crypto::random,
    domain::{client::Client, mail_job::SecurityNotice, proof::Proof, user::User},
    error::{Error, SecondStep},
    responses::{self, SignedIn},
    store::{devices, second_factors::Ways, sessions, users::Account},
    web::{Request, Response, session_cookie},
};

/// A session that has started.
pub struct Started {
    /// Its user.
    pub user: User,
    /// Whether the default password must be changed.
    pub must_change_password: bool,
    /// The session.
    pub session: sessions::New,
    /// What is known of it since it has started, if the user had an account before.
    pub begun: Option<sessions::Begun>,
}

/// Returns the response to a login or a sign-up. `must_change_password` is only in the response for the default account. A page of
/// this service that requests the session cookie gets it in addition.
///
/// # Errors
/// 500 if the token cannot be signed; 503.
pub async fn answer(
    app: &App,
    request: &Request,
    user: User,
    must_change_password: bool,
    session: &sessions::New,
) -> Result<Response, Error> {
    answer_returning(app, request, user, must_change_password, session, None).await
}

/// Like [`answer`], with the page that the user goes to.
///
/// # Errors
/// As [`answer`].
pub async fn answer_returning(
    app: &App,
    request: &Request,
    user: User,
    must_change_password: bool,
    session: &sessions::New,
    return_to: Option<&str>,
) -> Result<Response, Error> {
    let sessions::New { id, proof, now, expires_at, .. } = session;
    let restriction = Restriction::of(app, &user, must_change_password, proof.level());
    let content = TokenContent {
        user: &user,
        session_id: id,
        restriction,
        authenticated_at: *now,
        proof,
        expires_at: *expires_at,
    };
    let token = bearer::session_token(app, &content).await?;
    let cookies = (session_cookie::is_wanted(request) && bearer::page(app, request).is_some())
        .then(|| bearer::cookies(app, bearer::cookie_kind(app, request), &token, session.expires_at));
    let body = SignedIn { token: &token, user: responses::User::from(&user), must_change_password, return_to };
    Ok(Response::json(&body).headers(cookies.into_iter().flatten()))
}

/// Returns a new session of this user for this request, with what they have proven. It comes with the mail to the user in case that
/// the device is new.
///
/// # Errors
/// 500 if there is no randomness.
pub fn new_session(app: &App, user: &User, proof: Proof) -> Result<sessions::New, Error> {
    let mut session = first_session(app, &user.id, proof)?;
    if app.settings().new_device_mail {
        let activity = mail_rows::activity(app, user);
        session.device.notice = mail_rows::security_notice(app, user, SecurityNotice::NewDevice, activity)?;
    }
    Ok(session)
}

/// Returns the first session of a user, or that of a new owner, for this request. No device of theirs is known yet, so there is no mail.
///
/// # Errors
/// 500 if there is no randomness.
pub fn first_session(app: &App, user_id: &str, proof: Proof) -> Result<sessions::New, Error> {
    let Client { user_agent, device, country, city, traits } = Client::clone(&app.client);
    let [browser, system, connected_country, network] = &traits.0;
    // With the user, so that the rows do not show that two users have the same device.
    let parts = [user_id, browser, system, connected_country, network];
    let mut keys = app.keys().device.iter().map(|key| key.hash(&parts));
    let key = keys.next().ok_or_else(|| Error::Internal("there is no key for devices".to_owned()))?;
    let device = devices::New { key, previous_key: keys.next(), device, country, city, notice: None };
    let expires_at = app.settings().session.expiry(app.now);
    Ok(sessions::New { id: random::id()?, user_agent, now: app.now, expires_at, proof, device })
}

/// Returns the token of a sign-in of this user that waits for its second step, after this first one. `first_step` is
/// what it has proven, unless that is the password.
///
/// # Errors
/// 500 if there is no randomness.
pub fn pending(app: &App, account: &Account, proof: &Proof, first_step: Option<FirstStep>) -> Result<String, Error> {
    let (user_id, methods) = (account.user.id.clone(), proof.to_text());
    one_time::seal(app, &PendingSignIn { user_id, password_epoch: account.password_epoch, methods, first_step })
}

/// Returns the refusal that leads to the second step. `token` is from [`pending`].
pub fn second_step(app: &App, token: String, ways: &Ways) -> Error {
    let (app_url, methods) = (app.settings().app_url.clone(), recent::second_steps(ways));
    Error::SecondFactorRequired(Box::new(SecondStep { app_url, token, methods }))
}

/// Returns the response after `session` has ended. It removes the cookies if the request came with one.
pub fn signed_out(app: &App, session: &Session) -> Response {
    Response::ok().headers(match session.carrier {
        Carrier::Header => Vec::new(),
        Carrier::Cookie { kind, .. } => kind.clear(app.settings().session_cookie_domain.as_deref()),
    })
}
