//! `POST /api/auth/me/passkeys/options`, `GET` and `POST /api/auth/me/passkeys`, and `PUT` and `DELETE /api/auth/me/passkeys/{id}`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        one_time::Ceremony,
        passkey, provider_visit,
    },
    app::App,
    crypto::{cose, random},
    domain::{
        event::Action,
        name::Name,
        passkey::{DEFAULT_NAME, MAX, RegistrationResponse, TIMEOUT},
        proof::Method,
    },
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::{CredentialDescriptor, Passkey},
    store::passkeys::{self, Added, Deleted, Registration},
    web::{Request, Response, True},
};

/// How to create a passkey.
#[derive(Serialize, ToSchema)]
pub struct PasskeyCreation {
    /// The token to send back together with the credential. It is valid for 10 minutes and works once.
    token: String,
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON`.
    #[serde(rename = "publicKey")]
    public_key: CreationOptions,
}

/// `PublicKeyCredentialCreationOptionsJSON`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// The service.
    rp: RelyingParty,
    /// The user.
    user: UserEntity,
    /// The challenge, in base64url.
    challenge: String,
    /// The algorithms, best first.
    pub_key_cred_params: Vec<Parameter>,
    /// How long to wait for the user, in milliseconds.
    timeout: i64,
    /// The passkeys that the user already has. Their authenticators do not create another one.
    exclude_credentials: Vec<CredentialDescriptor>,
    /// What the authenticator must be able to do.
    authenticator_selection: AuthenticatorSelection,
    /// The authenticator need not prove which model it is.
    attestation: &'static str,
}

/// The service.
#[derive(Serialize, ToSchema)]
pub struct RelyingParty {
    /// The domain that the passkey belongs to.
    #[schema(example = "app.example.com")]
    id: String,
    /// The name of the service.
    #[schema(example = "Postern")]
    name: String,
}

/// The user, as the authenticator stores them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserEntity {
    /// The user handle: the user's id, in base64url.
    id: String,
    /// The email.
    name: String,
    /// The name, or the email if there is none.
    display_name: String,
}

/// An algorithm.
#[derive(Serialize, ToSchema)]
pub struct Parameter {
    /// Always `public-key`.
    r#type: &'static str,
    /// The number of the algorithm in COSE.
    #[schema(example = -7)]
    alg: i64,
}

/// What the authenticator must be able to do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorSelection {
    /// It stores the passkey together with the user, so that the user can sign in without an email.
    resident_key: &'static str,
    /// The same for older browsers.
    require_resident_key: bool,
    /// It verifies the user, by PIN or biometrics.
    user_verification: &'static str,
}

/// Start adding a passkey.
///
/// Returns what `navigator.credentials.create` needs, and a token for `POST /api/auth/me/passkeys`.
#[operation(
    responses((status = 200, body = PasskeyCreation), (status = "4XX", description = "too_many_passkeys"))
)]
pub async fn options(app: &App, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    let passkeys = passkeys::list(&app.store, &user.id).await?;
    if passkeys.len() as i64 >= MAX {
        return Err(Error::TooManyPasskeys(MAX));
    }
    let issued = passkey::issue(app, Ceremony::Registration { user_id: user.id.clone() })?;
    let settings = app.settings();
    Ok(Response::json(&PasskeyCreation {
        token: issued.token,
        public_key: CreationOptions {
            rp: RelyingParty { id: settings.passkey_rp_id.clone(), name: settings.service_name.clone() },
            user: UserEntity {
                id: passkey::user_handle_text(&user.id),
                name: user.email.clone(),
                display_name: user.name.clone().unwrap_or_else(|| user.email.clone()),
            },
            challenge: issued.challenge,
            pub_key_cred_params: cose::ALGORITHMS.map(|alg| Parameter { r#type: "public-key", alg }).into(),
            timeout: TIMEOUT,
            exclude_credentials: passkeys.into_iter().map(CredentialDescriptor::from).collect(),
            authenticator_selection: AuthenticatorSelection {
                resident_key: "required",
                require_resident_key: true,
                user_verification: "required",
            },
            attestation: "none",
        },
    }))
}

/// A new passkey.
#[derive(FromFields)]
pub struct NewPasskey {
    /// The token that came with the options.
    pub token: String,
    /// The new credential, as its `toJSON()` returns it.
    pub credential: RegistrationResponse,
    /// A name, to tell it from your other passkeys. Default: the browser and the system, such as `Firefox on Windows`, or `Passkey` if
    /// they are unknown.
    pub name: Option<Name>,
}

/// Add a passkey.
///
/// You can sign in with it from now on, without your password. The authenticator has just verified you, so you have used a passkey
/// in this session. You get a notice by email.
#[operation(
    request_body = NewPasskey,
    responses(
        (status = 200, body = Passkey),
        (status = "4XX", description = "passkey_refused passkey_known too_many_passkeys"),
    )
)]
pub async fn add(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let NewPasskey { token, credential, name } = request.json(app)?;
    let ceremony = Ceremony::Registration { user_id: session.user.id.clone() };
    let challenge = passkey::open(app, &token, &ceremony).ok_or(Error::PasskeyRefused)?;
    let registered = passkey::register(app, request, &challenge, &credential).map_err(|_| Error::PasskeyRefused)?;
    let new = passkeys::New {
        id: random::id()?,
        algorithm: registered.public_key.algorithm(),
        public_key: registered.public_key.to_stored(),
        credential_id: registered.credential_id,
        sign_count: registered.sign_count.into(),
        is_backup_eligible: registered.is_backup_eligible,
        is_synced: registered.is_synced,
        aaguid: registered.aaguid,
        transports: serde_json::json!(credential.transports).to_string(),
        name: match name {
            Some(name) => name.as_str().to_owned(),
            None => app.client.device.phrase().unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        },
    };
    let queued = QueuedNotice::to(app, &session.user, SecurityNotice::PasskeyAdded { passkey: new.name.clone() })?;
    let event = audit::own(app, Action::PasskeyAdded, session);
    let registration = Registration {
        token: challenge.token(),
        user_id: &session.user.id,
        session_id: &session.id,
        proof: &session.proof.clone().and(Method::Passkey),
    };
    match passkeys::insert(&app.store, &new, registration, queued.notice(), &event).await? {
        Added::Done => {}
        Added::TokenUsed => return Err(Error::PasskeyRefused),
        Added::Known => return Err(Error::PasskeyKnown),
        Added::TooMany => return Err(Error::TooManyPasskeys(MAX)),
        Added::SessionEnded => {
            return Err(bearer::refusal_of_session(app, session, Error::Unauthorized).await);
        }
    }
    queued.deliver_later(app);
    let passkeys::New { id, credential_id, name, is_synced, aaguid, .. } = new;
    Ok(Response::json(&Passkey { id, credential_id, name, created_at: app.now, last_used_at: None, is_synced, aaguid }))
}

/// List your passkeys.
///
/// The oldest comes first.
#[operation(responses((status = 200, body = Vec<Passkey>)))]
pub async fn list(app: &App, session: &Session) -> Result<Response, Error> {
    let passkeys = passkeys::list(&app.store, &session.user.id).await?;
    Ok(Response::json(&passkeys.into_iter().map(Passkey::from).collect::<Vec<_>>()))
}

/// The new name.
#[derive(FromFields)]
pub struct NewPasskeyName {
    /// The new name.
    pub name: Name,
}

/// Rename one of your passkeys.
#[operation(
    params(("id" = String, Path, description = "The id of the passkey.", example = "3f0c7a52-9a5e-4f0b-8f5d-2c1b6e7d8a90")),
    request_body = NewPasskeyName,
    responses((status = 200, body = True), (status = "4XX", description = "not_found"))
)]
pub async fn rename(app: &App, request: &Request, session: &Session, id: &str) -> Result<Response, Error> {
    let NewPasskeyName { name } = request.json(app)?;
    let event = audit::own(app, Action::PasskeyRenamed, session);
    if !passkeys::rename(&app.store, &session.user.id, id, name.as_str(), &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}

/// Remove one of your passkeys.
///
/// If it is your last second factor, your account no longer requires one. You get a notice by email.
#[operation(
    params(("id" = String, Path, description = "The id of the passkey.", example = "3f0c7a52-9a5e-4f0b-8f5d-2c1b6e7d8a90")),
    responses(
        (status = 200, body = True),
        (status = "4XX", description = "not_found last_way_in second_factor_enforced"),
    )
)]
pub async fn delete(app: &App, session: &Session, id: &str) -> Result<Response, Error> {
    let user = &session.user;
    let is_enforced = app.settings().second_factor.is_required_of(user.role);
    let passkey = passkeys::find_name(&app.store, &user.id, id).await?.ok_or(Error::NotFound)?;
    let queued = QueuedNotice::to(app, user, SecurityNotice::PasskeyRemoved { passkey })?;
    let event = audit::own(app, Action::PasskeyRemoved, session);
    let others = provider_visit::other_ways(app);
    match passkeys::delete(&app.store, &user.id, id, is_enforced, &others, queued.notice(), &event).await? {
        Deleted::Done => {
            queued.deliver_later(app);
            Ok(Response::ok())
        }
        Deleted::NotFound => Err(Error::NotFound),
        Deleted::LastWayIn => Err(Error::LastWayIn),
        Deleted::Enforced => Err(Error::SecondFactorEnforced),
    }
}
