//! Mails with a code that proves the email of their recipient, to sign in, to sign up or to authenticate again.

use super::queue::QueuedMail;
use crate::{
    access::{
        audit,
        bearer::Session,
        email_proof::{self, Issued},
        one_time::EmailPurpose,
    },
    app::App,
    domain::{
        email::Email,
        event::{Action, Event},
        mail_budget::{Budget, REQUESTED_BY_ANYONE, REQUESTED_BY_OWNER},
        mail_job::{CodeMail, CodeReason},
        throttle::{EMAIL_CODE_SENT_BY_ADDRESS, EMAIL_CODE_SENT_BY_EMAIL, EMAIL_CODE_SENT_BY_EMAIL_AND_ADDRESS},
    },
    error::Error,
    store::{
        email_proofs,
        throttles::{self, Counter},
    },
};

/// Counts a request of anyone for a code to this email. Comes before anything that takes time.
///
/// # Errors
/// 429; 503.
pub async fn count_request(app: &App, email: &Email) -> Result<(), Error> {
    let key = &app.keys().throttle;
    let (email, address) = (email.as_str(), app.address.as_str());
    let by_email = Counter::new(key, EMAIL_CODE_SENT_BY_EMAIL, &[email]);
    let by_both = Counter::new(key, EMAIL_CODE_SENT_BY_EMAIL_AND_ADDRESS, &[email, address]);
    let by_address = Counter::new(key, EMAIL_CODE_SENT_BY_ADDRESS, &[address]);
    Ok(throttles::attempt_each(&app.store, [&by_email, &by_both, &by_address], app.now).await??)
}

/// Mails a code to this email after the response, and returns the token of the browser that has asked. What the mail says, and whether
/// there is one, is decided when it is sent. So neither the response nor its time reveals whether there is an account.
///
/// # Errors
/// 429 if the recipient got too many mails; 500 without randomness; 503.
pub async fn send(app: &App, email: &Email, purpose: EmailPurpose) -> Result<Issued, Error> {
    let event = audit::by_somebody(app, Action::EmailCodeRequested);
    queue(app, email, purpose, REQUESTED_BY_ANYONE, &event).await
}

/// Mails a code to a signed-in user, so that they can authenticate again. Uses what is reserved for owners of the mail budget.
///
/// # Errors
/// As [`send`].
pub async fn send_to_owner(app: &App, session: &Session) -> Result<Issued, Error> {
    let email = Email::from_store(session.user.email.clone());
    let purpose = EmailPurpose::Reauthentication { user_id: session.user.id.clone(), session_id: session.id.clone() };
    let event = audit::own(app, Action::EmailCodeRequested, session);
    queue(app, &email, purpose, REQUESTED_BY_OWNER, &event).await
}

async fn queue(
    app: &App,
    email: &Email,
    purpose: EmailPurpose,
    budget: Budget,
    event: &Event,
) -> Result<Issued, Error> {
    let reason = match purpose {
        EmailPurpose::SignIn => CodeReason::SignIn,
        EmailPurpose::SignUp(_) => CodeReason::SignUp,
        EmailPurpose::Reauthentication { .. } => CodeReason::Reauthentication,
    };
    let issued = email_proof::issue(app, email, purpose)?;
    let mail = CodeMail {
        email: email.as_str().to_owned(),
        reason,
        id: issued.id.clone(),
        code: issued.code.clone(),
        secret: issued.secret.clone(),
    };
    let queued = QueuedMail::email_code(app, email, mail, issued.expires_at, budget).await?;
    email_proofs::insert_mail(&app.store, email, &queued.mail, event).await?;
    queued.deliver_later(app);
    Ok(issued)
}
