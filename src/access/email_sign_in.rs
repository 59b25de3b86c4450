//! What a proven email opens: a session of its account, the account itself if nobody had proven the email before, or a new account.

use super::{
    audit,
    email_proof::Proven,
    one_time::{Applicant, EmailPurpose, FirstStep},
    password_attempt,
    sign_in::{self, Started},
};
use crate::{
    app::App,
    crypto::random,
    domain::{
        event::Action,
        proof::{Method, Proof},
        sign_up_mode::Admission,
        user::{Role, User},
    },
    error::Error,
    responses::Waiting,
    store::{
        email_proofs::{self, Claim, NewUser, ProvenToken, SignUp},
        sessions,
        sign_ups::{self, Requested},
        throttles::PasswordCounters,
        users::Account,
    },
    web::{Request, Response},
};

/// What a proven email has opened.
pub enum Opened {
    /// A session.
    Session(Box<Started>),
    /// Nothing yet: an admin must approve the account.
    Waiting,
}

impl Opened {
    /// Returns a session.
    pub fn session(user: User, must_change_password: bool, session: sessions::New) -> Opened {
        Opened::Session(Box::new(Started { user, must_change_password, session, begun: None }))
    }

    /// Returns the response, with the page that the user goes to.
    ///
    /// # Errors
    /// 500 if the token cannot be signed.
    pub async fn respond(self, app: &App, request: &Request, return_to: Option<&str>) -> Result<Response, Error> {
        match self {
            Opened::Waiting => Ok(Response::accepted(&Waiting::FOR_APPROVAL)),
            Opened::Session(started) => {
                let Started { user, must_change_password, session, .. } = *started;
                sign_in::answer_returning(app, request, user, must_change_password, &session, return_to).await
            }
        }
    }
}

/// Returns what a proven email opens.
///
/// # Errors
/// 401 `wrong_code` if the token was used before; 403 if the account is deactivated, requires a second factor, or nobody may sign up
/// with this email; 409 if someone signs up with an email that has an account; 503.
pub async fn complete(app: &App, request: &Request, proven: Proven) -> Result<Opened, Error> {
    let Proven { token, email, account, guesses } = proven;
    let token_ref = ProvenToken {
        id: &token.id,
        expires_at: token.expires_at,
        email: &email,
        asked_at: token.content.asked_at,
        guesses: guesses.as_ref(),
        identity: None,
    };
    let applicant = match token.content.purpose {
        EmailPurpose::SignIn if !app.settings().email_sign_in => return Err(Error::EmailSignInOff),
        EmailPurpose::SignIn => None,
        EmailPurpose::SignUp(applicant) => Some(applicant),
        // Such a token is for one session.
        EmailPurpose::Reauthentication { .. } => return Err(Error::WrongCode),
    };
    if account.as_ref().is_some_and(|account| account.email_codes_from > token_ref.asked_at) {
        return Err(Error::WrongCode);
    }
    let way = ProvenEmail { app, request, token: &token_ref, method: Method::EmailCode };
    match (account, applicant) {
        (Some(account), _) if !account.user.is_active => {
            Err(audit::refused_login(app, Some(&account.user.id), Error::Inactive))
        }
        (Some(account), None) if account.user.is_verified => way.sign_in(account).await,
        (Some(account), Some(_)) if account.user.is_verified => {
            Err(audit::refused_login(app, Some(&account.user.id), Error::EmailTaken))
        }
        (Some(account), applicant) => way.claim(account, applicant.unwrap_or_default()).await,
        (None, applicant) => match app.settings().sign_up.judge(&email)? {
            Admission::Free => way.sign_up(applicant.unwrap_or_default(), true).await,
            Admission::AfterApproval => {
                // A sign-in by email brings neither a password nor a note, so it replaces nothing.
                let replaces = applicant.is_some();
                way.apply(applicant.unwrap_or_default(), replaces).await
            }
        },
    }
}

/// An email that was proven in this request.
pub struct ProvenEmail<'a> {
    /// The settings, the ports and the time.
    pub app: &'a App,
    /// The request.
    pub request: &'a Request,
    /// The token that is used up.
    pub token: &'a ProvenToken<'a>,
    /// How the email was proven.
    pub method: Method,
}

impl ProvenEmail<'_> {
    /// Signs in to the account with this email, which is verified, or to the one that the identity is linked to.
    ///
    /// # Errors
    /// 403 `second_factor_required`; 401 `wrong_code` if the token was used before, or the account changed in the meantime; 503.
    pub async fn sign_in(&self, account: Account) -> Result<Opened, Error> {
        let proof = Proof::by(self.method);
        if account.requires_second_factor {
            return Err(self.second_step(&account, &proof).await?);
        }
        let session = sign_in::new_session(self.app, &account.user, proof)?;
        let event = audit::new_session(self.app, Action::Login, &account.user.id, &session);
        let begun = email_proofs::sign_in(&self.app.store, self.token, &account.user.id, &session, &event).await?;
        if begun.is_none() {
            // The token was used, the account changed or deactivated, the identity unlinked, or a second factor added in the meantime.
            return Err(Error::WrongCode);
        }
        let Account { user, must_change_password, .. } = account;
        Ok(Opened::Session(Box::new(Started { user, must_change_password, session, begun })))
    }

    /// Returns the refusal that leads to the second step.
    async fn second_step(&self, account: &Account, proof: &Proof) -> Result<Error, Error> {
        let pending = sign_in::pending(self.app, account, proof, Some(FirstStep::of(self.token)))?;
        let event = audit::first_step(self.app, &account.user.id);
        let ways = email_proofs::first_step(&self.app.store, self.token, &account.user.id, &event).await?;
        Ok(ways.map_or(Error::WrongCode, |ways| sign_in::second_step(self.app, pending, &ways)))
    }

    /// Takes over an account whose email nobody had proven. It may have been created by someone else, so nothing of before survives.
    ///
    /// # Errors
    /// 401 `wrong_code` if the token was used before, or the account changed in the meantime; 503.
    pub async fn claim(&self, account: Account, applicant: Applicant) -> Result<Opened, Error> {
        let (app, user_id) = (self.app, &account.user.id);
        let new = sign_in::first_session(app, user_id, self.first_proof(&applicant))?;
        let claim_event = audit::new_session(app, Action::AccountClaimed, user_id, &new);
        let counters = self.counters(&applicant);
        let claim = Claim {
            user_id,
            password_hash: &applicant.password_hash,
            name: applicant.name.as_deref(),
            locale: **app.language,
            counters: counters.as_ref(),
            event: &claim_event,
        };
        let event = audit::new_session(app, Action::Login, user_id, &new);
        if !email_proofs::claim(&app.store, self.token, &claim, &new, &event).await? {
            return Err(Error::WrongCode);
        }
        let mut user = account.user;
        user.is_verified = true;
        user.updated_at = app.now.max(user.updated_at + 1);
        user.name = applicant.name;
        Ok(Opened::session(user, false, new))
    }

    /// Creates an account. `is_verified` is false only if a provider told the email without a proof.
    ///
    /// # Errors
    /// 401 `wrong_code` if the token was used before; 409 if the email was taken in the meantime; 503.
    pub async fn sign_up(&self, applicant: Applicant, is_verified: bool) -> Result<Opened, Error> {
        let (app, user_id) = (self.app, random::id()?);
        let new = sign_in::first_session(app, &user_id, self.first_proof(&applicant))?;
        let counters = self.counters(&applicant);
        let user = NewUser {
            id: &user_id,
            password_hash: &applicant.password_hash,
            name: applicant.name.as_deref(),
            counters: counters.as_ref(),
            is_verified,
            locale: **app.language,
        };
        let event = audit::new_session(app, Action::Signup, &user_id, &new).sets(Some(Role::User), Some(0));
        match email_proofs::sign_up(&app.store, self.token, &user, &new, &event).await? {
            SignUp::Done(user) => Ok(Opened::session(*user, false, new)),
            SignUp::EmailTaken => Err(Error::EmailTaken),
            SignUp::TokenSpent => Err(Error::WrongCode),
        }
    }

    /// Stores the request for an admin. `replaces` tells whether it replaces an earlier one of the same email.
    ///
    /// # Errors
    /// 401 `wrong_code` if the token was used before; 409 if too many requests wait; 503.
    pub async fn apply(&self, applicant: Applicant, replaces: bool) -> Result<Opened, Error> {
        let (app, id) = (self.app, random::id()?);
        let new = sign_ups::New {
            id: &id,
            password_hash: &applicant.password_hash,
            name: applicant.name.as_deref(),
            note: applicant.note.as_deref(),
            replaces,
            locale: **app.language,
            now: app.now,
        };
        let event = audit::by_somebody(app, Action::SignUpRequested);
        match sign_ups::insert(&app.store, self.token, &new, &event).await? {
            Requested::Waiting => Ok(Opened::Waiting),
            Requested::QueueFull => Err(Error::TooManySignUps),
            Requested::TokenSpent => Err(Error::WrongCode),
        }
    }

    /// Returns what a new owner has proven: the email, and that they know the password that they have just chosen.
    fn first_proof(&self, applicant: &Applicant) -> Proof {
        let proof = Proof::by(self.method);
        if applicant.password_hash.is_empty() { proof } else { proof.and(Method::Password) }
    }

    fn counters(&self, applicant: &Applicant) -> Option<PasswordCounters> {
        (!applicant.password_hash.is_empty()).then(|| password_attempt::counters(self.app, self.token.email.as_str()))
    }
}
