//! One-time tokens: what the service has to remember between two requests of a sign-in, encrypted and kept by the client. Issuing one
//! writes nothing. Using one stores its id until it expires (`store::one_time`).

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    app::App,
    crypto::random,
    domain::Timestamp,
    error::Error,
    oauth_client::Attempt,
    store::{email_proofs::ProvenToken, identities, sessions::Proven},
};

/// How long a token is valid, in milliseconds.
pub const LIFETIME: i64 = 600_000;

/// The content of a kind of token.
pub trait Content: Serialize + DeserializeOwned {
    /// The name of the kind. A token of another kind cannot be opened as this one.
    const PURPOSE: &'static str;
}

/// A sign-in that needs a second step: the user has proven something, but the account requires more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSignIn {
    /// The user.
    pub user_id: String,
    /// The `password_epoch` of the account at the first step. With another one, the token no longer works.
    pub password_epoch: i64,
    /// The names of the methods of the first step, with spaces between them, as in `sessions.methods`.
    pub methods: String,
    /// What the first step has proven, unless it was the password. It must still hold at the second step.
    #[serde(default)]
    pub first_step: Option<FirstStep>,
}

impl Content for PendingSignIn {
    const PURPOSE: &'static str = "pending sign-in";
}

/// What the first step of a sign-in has proven, other than the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstStep {
    /// The email, unless it was an identity that is linked to the account.
    pub email: Option<String>,
    /// The identity, if it was a sign-in with a provider.
    pub identity: Option<identities::New>,
    /// When the user began it.
    pub asked_at: Timestamp,
}

impl FirstStep {
    /// Returns what the token proves.
    pub fn of(token: &ProvenToken<'_>) -> FirstStep {
        let Proven { email, asked_at, .. } = token.proven();
        let identity = token.identity.map(|used| used.identity().clone());
        FirstStep { email: email.map(str::to_owned), identity, asked_at }
    }

    /// Returns the identity, if it is linked to the account.
    pub fn linked_identity(&self) -> Option<&identities::New> {
        self.identity.as_ref().filter(|_| self.email.is_none())
    }

    /// Returns the identity, if it becomes linked to the account.
    pub fn new_identity(&self) -> Option<&identities::New> {
        self.identity.as_ref().filter(|_| self.email.is_some())
    }

    /// Returns what must still hold.
    pub fn proven(&self) -> Proven<'_> {
        let identity = self.linked_identity().map(|identity| (identity.issuer.as_str(), identity.subject.as_str()));
        Proven { email: self.email.as_deref(), identity, asked_at: self.asked_at }
    }
}

/// What a user proves with the code or the link that an email has brought them. The email has no part of it, and without it the code
/// and the link open nothing: so a mail scanner, or anyone else who follows the link, gets no session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailProof {
    /// The address.
    pub email: String,
    /// When it was asked for. A later password of the account, and what else ends all its sessions, ends the proof too.
    pub asked_at: Timestamp,
    /// A keyed hash of the code.
    pub code_hash: String,
    /// A keyed hash of the secret in the link. Empty if the email has no link.
    pub secret_hash: String,
    /// What the proof is for.
    pub purpose: EmailPurpose,
}

impl Content for EmailProof {
    const PURPOSE: &'static str = "email proof";
}

/// What an email is proven for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmailPurpose {
    /// To sign in, or to sign up without a password.
    SignIn,
    /// To sign up.
    SignUp(Applicant),
    /// To authenticate again in this session.
    Reauthentication {
        /// The user.
        user_id: String,
        /// The session.
        session_id: String,
    },
}

/// What someone who signs up has entered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applicant {
    /// A PHC string, or empty for an account without a password.
    pub password_hash: String,
    /// The name.
    pub name: Option<String>,
    /// A note for the admin who approves the account.
    pub note: Option<String>,
}

/// How long a user can take at an identity provider, in milliseconds: half an hour, because some create an account there first.
pub const PROVIDER_LIFETIME: i64 = 1_800_000;

/// A visit to an identity provider. The browser that began it keeps the token, whose id is the `state` (RFC 6749, section 10.12). So what
/// the provider sends back opens nothing in another browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderVisit {
    /// The name of the provider in the settings.
    pub provider: String,
    /// When it began.
    pub began_at: Timestamp,
    /// The secrets of the request.
    pub attempt: Attempt,
    /// What it is for.
    pub purpose: ProviderPurpose,
    /// Where the user goes afterwards.
    pub return_to: Option<String>,
}

impl Content for ProviderVisit {
    const PURPOSE: &'static str = "provider visit";
}

/// What a user visits a provider for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderPurpose {
    /// To sign in or to sign up.
    SignIn {
        /// The user token of an invitation.
        referrer: Option<String>,
    },
    /// To link the identity to an account, in this session.
    Link {
        /// The user.
        user_id: String,
        /// The session.
        session_id: String,
    },
}

/// A challenge that a passkey signs (WebAuthn Level 3, section 13.4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyChallenge {
    /// The challenge, in base64url.
    pub challenge: String,
    /// What the signature is for.
    pub ceremony: Ceremony,
}

impl Content for PasskeyChallenge {
    const PURPOSE: &'static str = "passkey challenge";
}

/// What a passkey signs a challenge for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ceremony {
    /// To sign in without another proof. The passkey says who the user is.
    SignIn,
    /// To add a passkey to the account of this user.
    Registration {
        /// The user.
        user_id: String,
    },
    /// To authenticate again in this session.
    Reauthentication {
        /// The user.
        user_id: String,
        /// The session.
        session_id: String,
    },
    /// As the second step of a sign-in of this user.
    SecondStep {
        /// The user.
        user_id: String,
    },
}

/// The content of a token, with what is needed to use it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened<T> {
    /// The random id of the token.
    pub id: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// What it says.
    pub content: T,
}

/// Returns a token that is valid for [`LIFETIME`].
///
/// # Errors
/// 500 if there is no randomness.
pub fn seal<T: Content>(app: &App, content: &T) -> Result<String, Error> {
    seal_as(app, &random::id()?, app.now + LIFETIME, content)
}

/// Returns a token with this id, for content that depends on it.
///
/// # Errors
/// 500 if there is no randomness.
pub fn seal_as<T: Content>(app: &App, id: &str, expires_at: Timestamp, content: &T) -> Result<String, Error> {
    let token = Opened { id: id.to_owned(), expires_at, content };
    let text = serde_json::to_string(&token).map_err(|error| Error::Internal(format!("a one-time token: {error}")))?;
    app.keys().one_time.seal(&text, T::PURPOSE)
}

/// Returns the content of a token of this kind that has not expired. Whether it was used is asked of D1, in the batch that uses it.
pub fn open<T: Content>(app: &App, token: &str) -> Option<Opened<T>> {
    let text = app.keys().one_time.open(token, T::PURPOSE)?;
    let opened: Opened<T> = serde_json::from_str(&text).ok()?;
    (app.now < opened.expires_at).then_some(opened)
}
