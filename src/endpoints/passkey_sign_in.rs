//! `POST /api/auth/login/passkey/options` and `POST /api/auth/login/passkey`

use postern_macros::{FromFields, operation};

use crate::{
    access::{audit, one_time::Ceremony, passkey, sign_in},
    app::App,
    domain::{
        event::Action,
        passkey::AuthenticationResponse,
        proof::{Method, Proof},
    },
    error::Error,
    mail::queue,
    responses::{PasskeyRequest, SignedIn},
    store::passkeys,
    web::{Request, Response, session_cookie},
};

/// Start a login with a passkey.
///
/// Returns what `navigator.credentials.get` needs, and a token for `POST /api/auth/login/passkey`. Nothing is stored, so a page can
/// ask for it each time that it is opened.
#[operation(responses((status = 200, body = PasskeyRequest)))]
pub async fn options(app: &App) -> Result<Response, Error> {
    let issued = passkey::issue(app, Ceremony::SignIn)?;
    Ok(Response::json(&issued.request(app, Vec::new())))
}

/// A passkey.
#[derive(FromFields)]
pub struct PasskeyCredentials {
    /// The token that came with the options.
    pub token: String,
    /// The credential, as its `toJSON()` returns it.
    pub credential: AuthenticationResponse,
}

/// Log in with a passkey.
///
/// A passkey counts as two factors, the device and what unlocks it, so no second step follows. The checks run in this order:
///
/// 1. The body: 400, 413, 415 or 422.
/// 2. The token and everything that the browser and the authenticator say: 401 `wrong_passkey`.
/// 3. The passkey: 401 `unknown_passkey` if there is none with this id. The page can then tell the browser to forget it.
/// 4. The owner, the signature and the counter of the passkey: 401 `wrong_passkey`. A counter that does not advance shows that there is a copy of the passkey.
/// 5. The account: 403 if it is deactivated.
/// 6. Whether the token was used before: 401 `wrong_passkey`.
#[operation(
    request_body = PasskeyCredentials,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = "4XX", description = "unknown_passkey wrong_passkey inactive"),
    )
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let PasskeyCredentials { token, credential } = request.json(app)?;
    let authentication = passkey::authenticate(app, request, &token, &Ceremony::SignIn, &credential).await?;
    let mut authentication = authentication.ok_or(Error::WrongPasskey)?;
    let Some(found) = authentication.found.take() else {
        // Without an event: anyone can send any number of these, and none concerns an account.
        return Err(Error::UnknownPasskey);
    };
    let user = &found.account.user;
    // Only the user handle says who signs in (section 7.2, step 6).
    let names_the_user = credential.user_handle.is_some();
    if !authentication.is_right || !names_the_user {
        return Err(audit::refused_login(app, Some(&user.id), Error::WrongPasskey));
    }
    if !user.is_active {
        return Err(audit::refused_login(app, Some(&user.id), Error::Inactive));
    }
    let new = sign_in::new_session(app, user, Proof::by(Method::Passkey))?;
    let event = audit::new_session(app, Action::Login, &user.id, &new);
    let used = authentication.used(&user.id);
    let Some(begun) = passkeys::sign_in(&app.store, &used, &new, &event).await? else {
        // The token was used before, or the passkey was used or removed or the account deactivated in the meantime.
        return Err(audit::refused_login(app, Some(&user.id), Error::WrongPasskey));
    };
    queue::deliver_new_device_later(app, &new, &begun);
    sign_in::answer(app, request, found.account.user, found.account.must_change_password, &new).await
}
