//! What a proven email opens: a session of its account, the account itself if nobody had proven the email before, or a new account.

use super::{
    audit,
    email_proof::Proven,
    one_time::{Applicant, EmailPurpose},
    password_attempt, sign_in,
};
use crate::{
    app::App,
    crypto::random,
    domain::{
        event::Action,
        proof::{Method, Proof},
        sign_up_mode::Admission,
        user::Role,
    },
    error::Error,
    responses::Waiting,
    store::{
        email_proofs::{self, Claim, NewUser, ProvenToken, SignUp},
        sign_ups::{self, Requested},
        throttles::PasswordCounters,
        users::Account,
    },
    web::{Request, Response},
};

/// Returns the response to a proven email.
///
/// # Errors
/// 401 `wrong_code` if the token was used before; 403 if the account is deactivated, requires a second factor, or nobody may sign up
/// with this email; 409 if someone signs up with an email that has an account; 503.
pub async fn complete(app: &App, request: &Request, proven: Proven) -> Result<Response, Error> {
    let Proven { token, email, account, guesses } = proven;
    let token_ref = ProvenToken {
        id: &token.id,
        expires_at: token.expires_at,
        email: &email,
        asked_at: token.content.asked_at,
        guesses: guesses.as_ref(),
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
    match (account, applicant) {
        (Some(account), _) if !account.user.is_active => {
            Err(audit::refused_login(app, Some(&account.user.id), Error::Inactive))
        }
        (Some(account), None) if account.user.is_verified => sign_in_to(app, request, account, &token_ref).await,
        (Some(account), Some(_)) if account.user.is_verified => {
            Err(audit::refused_login(app, Some(&account.user.id), Error::EmailTaken))
        }
        (Some(account), applicant) => claim(app, request, account, applicant.unwrap_or_default(), &token_ref).await,
        (None, applicant) => match app.settings().sign_up.judge(&email)? {
            Admission::Free => sign_up(app, request, applicant.unwrap_or_default(), &token_ref).await,
            Admission::AfterApproval => apply(app, applicant, &token_ref).await,
        },
    }
}

async fn sign_in_to(
    app: &App,
    request: &Request,
    account: Account,
    token: &ProvenToken<'_>,
) -> Result<Response, Error> {
    let proof = Proof::by(Method::EmailCode);
    if account.requires_second_factor {
        return Err(second_step(app, &account, &proof, token).await?);
    }
    let new = sign_in::new_session(app, request, proof)?;
    let event = audit::new_session(app, Action::Login, &account.user.id, &new);
    if !email_proofs::sign_in(&app.store, token, &account.user.id, &new, &event).await? {
        // The token was used, the account changed or deactivated, or a second factor added in the meantime.
        return Err(Error::WrongCode);
    }
    sign_in::answer(app, request, account.user, account.must_change_password, &new).await
}

/// Returns the refusal that leads to the second step.
async fn second_step(app: &App, account: &Account, proof: &Proof, token: &ProvenToken<'_>) -> Result<Error, Error> {
    let pending = sign_in::pending(app, account, proof)?;
    let event = audit::first_step(app, &account.user.id);
    let ways = email_proofs::first_step(&app.store, token, &account.user.id, &event).await?;
    Ok(ways.map_or(Error::WrongCode, |ways| sign_in::second_step(app, pending, &ways)))
}

/// Takes over an account whose email nobody had proven. It may have been created by someone else, so nothing of before survives.
async fn claim(
    app: &App,
    request: &Request,
    account: Account,
    applicant: Applicant,
    token: &ProvenToken<'_>,
) -> Result<Response, Error> {
    let user_id = &account.user.id;
    let new = sign_in::new_session(app, request, first_proof(&applicant))?;
    let claim_event = audit::new_session(app, Action::AccountClaimed, user_id, &new);
    let counters = counters(app, &applicant, token);
    let claim = Claim {
        user_id,
        password_hash: &applicant.password_hash,
        name: applicant.name.as_deref(),
        counters: counters.as_ref(),
        event: &claim_event,
    };
    let event = audit::new_session(app, Action::Login, user_id, &new);
    if !email_proofs::claim(&app.store, token, &claim, &new, &event).await? {
        return Err(Error::WrongCode);
    }
    let mut user = account.user;
    user.is_verified = true;
    user.updated_at = app.now.max(user.updated_at + 1);
    user.name = applicant.name;
    sign_in::answer(app, request, user, false, &new).await
}

async fn sign_up(
    app: &App,
    request: &Request,
    applicant: Applicant,
    token: &ProvenToken<'_>,
) -> Result<Response, Error> {
    let user_id = random::id()?;
    let new = sign_in::new_session(app, request, first_proof(&applicant))?;
    let counters = counters(app, &applicant, token);
    let user = NewUser {
        id: &user_id,
        password_hash: &applicant.password_hash,
        name: applicant.name.as_deref(),
        counters: counters.as_ref(),
    };
    let event = audit::new_session(app, Action::Signup, &user_id, &new).sets(Some(Role::User), Some(0));
    match email_proofs::sign_up(&app.store, token, &user, &new, &event).await? {
        SignUp::Done(user) => sign_in::answer(app, request, *user, false, &new).await,
        SignUp::EmailTaken => Err(Error::EmailTaken),
        SignUp::TokenSpent => Err(Error::WrongCode),
    }
}

/// Stores the request for an admin.
async fn apply(app: &App, applicant: Option<Applicant>, token: &ProvenToken<'_>) -> Result<Response, Error> {
    let id = random::id()?;
    let (replaces, applicant) = (applicant.is_some(), applicant.unwrap_or_default());
    let new = sign_ups::New {
        id: &id,
        password_hash: &applicant.password_hash,
        name: applicant.name.as_deref(),
        note: applicant.note.as_deref(),
        replaces,
        now: app.now,
    };
    let event = audit::by_somebody(app, Action::SignUpRequested);
    match sign_ups::insert(&app.store, token, &new, &event).await? {
        Requested::Waiting => Ok(Response::accepted(&Waiting::FOR_APPROVAL)),
        Requested::QueueFull => Err(Error::TooManySignUps),
        Requested::TokenSpent => Err(Error::WrongCode),
    }
}

/// Returns what a new owner has proven: the email, and that they know the password that they have just chosen.
fn first_proof(applicant: &Applicant) -> Proof {
    let proof = Proof::by(Method::EmailCode);
    if applicant.password_hash.is_empty() { proof } else { proof.and(Method::Password) }
}

fn counters(app: &App, applicant: &Applicant, token: &ProvenToken<'_>) -> Option<PasswordCounters> {
    (!applicant.password_hash.is_empty()).then(|| password_attempt::counters(app, token.email.as_str()))
}
