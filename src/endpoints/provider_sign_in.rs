//! `POST /api/auth/login/{provider}`, `POST /api/auth/login/{provider}/callback` and `/api/auth/callback/{provider}`

use form_urlencoded::Serializer;
use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        email_sign_in::{Opened, ProvenEmail},
        first_account, invitation,
        one_time::{Applicant, ProviderPurpose},
        provider_visit::{self, Arrived},
        sign_in,
    },
    app::App,
    crypto::random,
    domain::{
        email::Email,
        event::Action,
        linking::{self, LocalAccount, Outcome, ProviderEmail},
        proof::{Method, Proof},
        return_to::ReturnTo,
        sign_up_mode::{Admission, SignUpMode},
        user::Role,
        user_token::Referrer,
    },
    error::{Error, ExistingAccount},
    mail::{linked_identity::LinkedIdentity, queue},
    responses::{ProviderVisitBegun, SignedIn, Waiting},
    store::{
        email_proofs::ProvenToken,
        identities::{self, Found, Link, Use},
        throttles,
        users::{self, Account},
    },
    web::{ProviderCallback, Request, Response, session_cookie},
};

/// The options of a sign-in with an identity provider.
#[derive(FromFields)]
pub struct ProviderLogin {
    /// The user token from an invitation, or the whole link, if the user wants to sign up with it.
    pub referrer: Option<Referrer>,
    /// Where the user goes afterwards.
    pub return_to: Option<ReturnTo>,
}

/// Begin a sign-in with an identity provider.
///
/// Returns the URL of the provider, a token and its `id`. Store the token under the `id` in the browser, then send the user to the URL. The
/// provider sends the user back to `<APP_URL>/callback` with the `id` as `state`. Completing the sign-in requires the token, so the response
/// of the provider is useless in any other browser.
#[operation(
    params(("provider" = String, Path, description = "The `id` of one of the `identity_providers` in `GET /config`.", example = "google")),
    request_body(content = Option<ProviderLogin>),
    responses((status = 200, body = ProviderVisitBegun), (status = "4XX", description = "unknown_provider provider_unavailable"))
)]
pub async fn begin(app: &App, request: &Request, provider: &str) -> Result<Response, Error> {
    let provider = provider_visit::provider(app, provider)?;
    let ProviderLogin { referrer, return_to } = request.optional_json(app)?;
    let referrer = referrer.map(|referrer| referrer.as_str().to_owned());
    let purpose = ProviderPurpose::SignIn { referrer };
    Ok(Response::json(&provider_visit::begin(app, provider, purpose, return_to.map(ReturnTo::into_string)).await?))
}

/// The parameters of a response of a provider that the page needs (RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207). `user` is Apple's.
const PARAMETERS: [&str; 5] = ["code", "state", "iss", "error", "user"];
/// The maximum length of each of them, in bytes.
const MAX_PARAMETER: usize = 4_096;

/// Return from an identity provider.
///
/// This is the redirect URI to register at the provider. Redirects to the page `<APP_URL>/callback` with the parameters in the fragment,
/// which browsers do not send to servers. Does nothing else: only that page has the token of the visit, and browsers do not send the session
/// cookie with a request that comes from another site.
#[operation(
    params(("provider" = String, Path, description = "The `id` of the provider.", example = "google")),
    responses((status = 303, description = "To the page `/callback`.", headers(("Location" = String, description = "The page, with the parameters in its fragment."))))
)]
pub async fn redirect(app: &App, request: &Request, provider: &str) -> Result<Response, Error> {
    Ok(to_page(app, provider, request.query.as_bytes()))
}

/// Return from Apple.
///
/// Does the same as the GET, for providers that send the user back with a form (OAuth 2.0 Form Post Response Mode).
#[operation(
    params(("provider" = String, Path, description = "The `id` of the provider.", example = "apple")),
    request_body(content_type = "application/x-www-form-urlencoded", content = String),
    responses((status = 303, description = "To the page `/callback`.", headers(("Location" = String, description = "The page, with the parameters in its fragment."))))
)]
pub async fn redirect_form(app: &App, request: &Request, provider: &str) -> Result<Response, Error> {
    Ok(to_page(app, provider, &request.body))
}

fn to_page(app: &App, provider: &str, parameters: &[u8]) -> Response {
    let mut fragment = Serializer::new(String::new());
    fragment.append_pair("provider", provider);
    let mut left = PARAMETERS.to_vec();
    for (name, value) in form_urlencoded::parse(parameters) {
        // Of a parameter that is sent more than once, the first value counts.
        let known = left.iter().position(|known| *known == name);
        if let (Some(known), true) = (known, value.len() <= MAX_PARAMETER) {
            left.swap_remove(known);
            fragment.append_pair(&name, &value);
        }
    }
    Response::see_other(format!("{}/callback#{}", app.settings().app_url, fragment.finish()))
}

/// Sign in with an identity provider.
///
/// Exchanges the response of the provider for a session. The checks run in this order:
///
/// 1. The number of requests from this address: 429. The provider: 404. Then the body: 400, 413, 415 or 422.
/// 2. The token and the `state`: 401. They work once, for 30 minutes.
/// 3. The code, at the provider: 401 if the provider refuses it or its response cannot be trusted; 503 if the provider fails.
/// 4. The account that the identity is linked to. If it is not linked, the email decides. It counts as verified if the provider has verified
///    it and is trusted to do so: Google, for example, for the addresses that it hosts.
///
/// | Email from the provider | Account with this email | |
/// |---|---|---|
/// | counts as verified | verified | Links the identity, notifies the owner by email, and signs in. With `ACCOUNT_LINKING=off`, or if the identity was unlinked from this account: 409 `account_exists`. |
/// | counts as verified | not verified | Takes over the account: its password, name, sessions, passkeys, authenticator app, user tokens and other identities are removed. |
/// | does not count | any | 409 `account_exists`: sign in another way, then link the identity. |
/// | any | none | Signs up, if the settings or the invitation allow it: 202 if an admin must approve the account first, 403 if it is not allowed. |
///
/// If the account is deactivated: 403. If it requires a second factor: 403 as well, and `detail` has what
/// `POST /api/auth/login/second-factor` needs.
#[operation(
    params(("provider" = String, Path, description = "The `id` of the provider.", example = "google"), session_cookie::Wanted),
    request_body = ProviderCallback,
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = 202, body = Waiting),
        (status = "4XX", description = "unknown_provider provider_refused inactive second_factor_required account_exists email_taken referrer_refused invitation_required domain_refused sign_up_closed provider_email_missing provider_email_unverified too_many_sign_ups too_many_requests provider_unavailable")
    )
)]
pub async fn callback(app: &App, request: &Request, provider: &str) -> Result<Response, Error> {
    provider_visit::provider(app, provider)?;
    let callback: ProviderCallback = request.json(app)?;
    // Otherwise the first sign-up would take the place of the first admin.
    first_account::ensure(app).await?;
    let is_sign_in = |purpose: &ProviderPurpose| matches!(purpose, ProviderPurpose::SignIn { .. });
    let arrived = provider_visit::arrive(app, provider, callback, is_sign_in).await?;
    let opened = open(app, request, &arrived).await.map_err(|error| match error {
        // The token was used before, or the account changed in the meantime.
        Error::WrongCode => Error::ProviderRefused,
        error => error,
    })?;
    queue::deliver_new_device_of(app, &opened);
    opened.respond(app, request, arrived.visit.content.return_to.as_deref()).await
}

async fn open(app: &App, request: &Request, arrived: &Arrived) -> Result<Opened, Error> {
    let identity = &arrived.identity;
    let new = arrived.row()?;
    let found = identities::find(&app.store, &identity.issuer, &identity.subject, identity.email.as_ref()).await?;
    let Found { linked, by_email, is_unlinked } = found;
    let email = match identity.email {
        None => ProviderEmail::Missing,
        Some(_) if identity.email_is_verified => ProviderEmail::Verified,
        Some(_) => ProviderEmail::Unverified,
    };
    let local = by_email.as_ref().map(|account| match account.user.is_verified {
        false => LocalAccount::Unverified,
        true if is_unlinked => LocalAccount::HasUnlinked,
        true => LocalAccount::Verified,
    });
    let outcome = linking::decide(linked.is_some(), email, local, app.settings().account_linking);
    let way = Way { app, request, arrived, identity: &new };
    match (outcome, linked, by_email) {
        (Outcome::SignIn, Some(account), _) => way.sign_in(account).await,
        (Outcome::Link, _, Some(account)) => way.link(account).await,
        (Outcome::Claim, _, Some(account)) => way.claim(account).await,
        (Outcome::SignUp, _, _) => way.sign_up_once(email == ProviderEmail::Verified).await,
        (Outcome::AccountExists, _, Some(account)) => {
            let methods = Some(Method::EmailCode).filter(|_| app.settings().email_sign_in);
            let methods = [Method::Password, Method::Passkey].into_iter().chain(methods);
            let exists = ExistingAccount { methods: methods.map(Method::as_str).collect() };
            Err(audit::refused_login(app, Some(&account.user.id), Error::AccountExists(exists)))
        }
        _ => Err(audit::refused_login(app, None, Error::ProviderEmailMissing)),
    }
}

/// A sign-in with an identity that the provider has confirmed.
struct Way<'a> {
    app: &'a App,
    request: &'a Request,
    arrived: &'a Arrived,
    identity: &'a identities::New,
}

impl<'a> Way<'a> {
    fn token<'b>(&'b self, email: &'b Email, identity: Use<'b>) -> ProvenToken<'b> {
        let visit = &self.arrived.visit;
        let (id, expires_at, asked_at) = (visit.id.as_str(), visit.expires_at, visit.content.began_at);
        ProvenToken { id, expires_at, email, asked_at, guesses: None, identity: Some(identity) }
    }

    fn proven<'b>(&'b self, token: &'b ProvenToken<'b>) -> ProvenEmail<'b> {
        ProvenEmail { app: self.app, request: self.request, token, method: Method::Provider }
    }

    /// Refuses an account that is deactivated, or whose sessions were all ended since the visit began.
    fn check(&self, account: &Account) -> Result<(), Error> {
        let refusal = match account {
            account if !account.user.is_active => Error::Inactive,
            account if account.email_codes_from > self.arrived.visit.content.began_at => Error::ProviderRefused,
            _ => return Ok(()),
        };
        Err(audit::refused_login(self.app, Some(&account.user.id), refusal))
    }

    /// Signs in to the account that the identity is linked to.
    async fn sign_in(&self, account: Account) -> Result<Opened, Error> {
        self.check(&account)?;
        let email = Email::from_store(account.user.email.clone());
        self.proven(&self.token(&email, Use::Linked(self.identity))).sign_in(account).await
    }

    /// Links the identity to the account with the verified email, and signs in.
    async fn link(&self, account: Account) -> Result<Opened, Error> {
        self.check(&account)?;
        let email = Email::from_store(account.user.email.clone());
        let linked = LinkedIdentity::new(self.app, self.identity, &account.user)?;
        let opened = self.proven(&self.token(&email, Use::New(linked.as_link()))).sign_in(account).await?;
        linked.deliver_later(self.app);
        Ok(opened)
    }

    /// Takes over the account with the email, which nobody had proven.
    async fn claim(&self, account: Account) -> Result<Opened, Error> {
        self.check(&account)?;
        let email = Email::from_store(account.user.email.clone());
        let event = audit::without_session(self.app, Action::IdentityLinked, &account.user.id);
        let link = Link { identity: self.identity, event: Some(&event), notice: None };
        self.proven(&self.token(&email, Use::New(link))).claim(account, self.applicant()).await
    }

    fn applicant(&self) -> Applicant {
        Applicant { password_hash: String::new(), name: self.arrived.identity.name.clone(), note: None }
    }

    /// Signs up, or signs in to the account that another tab of the same user has just created.
    async fn sign_up_once(&self, is_verified: bool) -> Result<Opened, Error> {
        let refusal = match self.sign_up(is_verified).await {
            Err(refusal @ (Error::EmailTaken | Error::ReferrerRefused)) => refusal,
            other => return other,
        };
        let identities::New { issuer, subject, .. } = self.identity;
        match identities::find(&self.app.store, issuer, subject, None).await?.linked {
            Some(account) => self.sign_in(account).await,
            None => Err(refusal),
        }
    }

    /// Signs up with the email, if the invitation or the settings let it.
    async fn sign_up(&self, is_verified: bool) -> Result<Opened, Error> {
        let Way { app, arrived, .. } = self;
        let email = arrived.identity.email.as_ref().ok_or(Error::ProviderEmailMissing)?;
        let link = Link { identity: self.identity, event: None, notice: None };
        let token = self.token(email, Use::New(link));
        if let ProviderPurpose::SignIn { referrer: Some(referrer) } = &arrived.visit.content.purpose {
            return self.sign_up_invited(&Referrer::new(referrer), &token, is_verified).await;
        }
        let mode = &app.settings().sign_up;
        let admission = mode.judge(email)?;
        // A domain or an admin decides about an address, so it must be that of the user.
        if !is_verified && *mode != SignUpMode::Open {
            return Err(Error::ProviderEmailUnverified);
        }
        throttles::attempt_one(&app.store, &invitation::sign_ups(app), app.now).await??;
        match admission {
            Admission::Free => self.proven(&token).sign_up(self.applicant(), is_verified).await,
            Admission::AfterApproval => self.proven(&token).apply(self.applicant(), false).await,
        }
    }

    async fn sign_up_invited(
        &self,
        referrer: &Referrer,
        token: &ProvenToken<'_>,
        is_verified: bool,
    ) -> Result<Opened, Error> {
        let Way { app, arrived, .. } = self;
        if app.settings().sign_up == SignUpMode::Closed {
            return Err(Error::SignUpClosed);
        }
        let invitation = invitation::attempt(app, referrer, Some(token.email)).await?;
        if invitation.email_taken != 0 {
            return Err(Error::EmailTaken);
        }
        let user_id = random::id()?;
        let session = sign_in::first_session(app, &user_id, Proof::by(Method::Provider))?;
        let new = users::New {
            id: &user_id,
            email: token.email,
            password_hash: "",
            name: arrived.identity.name.as_deref(),
            referrer_lookup: &invitation.lookup,
            is_verified,
            locale: **app.language,
        };
        let event = audit::new_session(app, Action::Signup, &user_id, &session).sets(Some(Role::User), Some(0));
        match users::sign_up(&app.store, new, &session, None, Some(token), &event).await? {
            users::SignUp::Done(user) => Ok(Opened::session(*user, false, session)),
            users::SignUp::EmailTaken => Err(Error::EmailTaken),
            users::SignUp::ReferrerEnded => Err(Error::ReferrerRefused),
        }
    }
}
