//! Emails that are proven by a code or a link, to sign in, to sign up, or to authenticate again.
//!
//! The browser that asks gets a one-time token ([`EmailProof`]), and the email brings a code and a link with a secret. The token and
//! one of the two together are the proof. Nothing is stored for a code, so asking for one costs the same with and without an account.

use crate::{
    access::{
        audit,
        one_time::{self, EmailProof, EmailPurpose, Opened},
    },
    app::App,
    crypto::random,
    domain::{
        Timestamp,
        email::Email,
        one_time_password::Code,
        throttle::{EMAIL_CODE, EMAIL_CODES_BY_EMAIL},
    },
    error::Error,
    responses::EmailCodeSent,
    store::{
        email_proofs::{self, Guesses},
        throttles::Counter,
        users::Account,
    },
};

/// The parts that the two hashes of a token begin with.
const CODE: &str = "email code";
const LINK: &str = "email link";

/// What the user sends together with the token.
pub enum Answer {
    /// The code that the email shows.
    Code(Code),
    /// The secret in the link of the email.
    Secret(String),
}

impl Answer {
    /// Returns the one that is given.
    ///
    /// # Errors
    /// 422 if none or both are.
    pub fn read(code: Option<Code>, secret: Option<String>) -> Result<Answer, Error> {
        match (code, secret) {
            (Some(code), None) => Ok(Answer::Code(code)),
            (None, Some(secret)) => Ok(Answer::Secret(secret)),
            _ => Err(Error::exactly_one_of(&["code", "secret"])),
        }
    }
}

/// A new code, and the token of the browser that has asked for it.
pub struct Issued {
    /// The token.
    pub token: String,
    /// The id of the token, which the link names: so a page knows whether its browser has asked.
    pub id: String,
    /// Six digits.
    pub code: String,
    /// The secret in the link. Empty if there is no link.
    pub secret: String,
    /// When all of them expire.
    pub expires_at: Timestamp,
}

impl Issued {
    /// Returns the response to the browser that has asked: all but what only the email has.
    pub fn into_response(self) -> EmailCodeSent {
        EmailCodeSent { token: self.token, id: self.id, expires_at: self.expires_at }
    }
}

/// Draws a code for this email. It opens nothing without the token.
///
/// # Errors
/// 500 without randomness.
pub fn issue(app: &App, email: &Email, purpose: EmailPurpose) -> Result<Issued, Error> {
    let (id, code) = (random::id()?, random::code()?);
    let has_link = !matches!(purpose, EmailPurpose::Reauthentication { .. });
    let secret = if has_link { random::token()? } else { String::new() };
    let proof = EmailProof {
        email: email.as_str().to_owned(),
        asked_at: app.now,
        code_hash: app.keys().one_time_password.hash(&[CODE, &id, &code]),
        secret_hash: if has_link { app.keys().one_time_password.hash(&[LINK, &id, &secret]) } else { String::new() },
        purpose,
    };
    let expires_at = app.now + app.settings().otp_lifetime * 1_000;
    let token = one_time::seal_as(app, &id, expires_at, &proof)?;
    Ok(Issued { token, id, code, secret, expires_at })
}

fn is_right(app: &App, part: &str, id: &str, text: &str, hash: &str) -> bool {
    !hash.is_empty() && app.keys().one_time_password.matches(&[part, id, text], hash)
}

/// A token whose code or secret was right.
pub struct Proven {
    /// The token.
    pub token: Opened<EmailProof>,
    /// The email.
    pub email: Email,
    /// The account with this email, if there is one.
    pub account: Option<Account>,
    /// The counter on which this guess was counted, to take it back. None for the secret of a link, which is not counted.
    pub guesses: Option<Counter>,
}

/// Checks the code or the secret, and finds the account. A code counts before it is checked. The token is not used up yet.
///
/// # Errors
/// 401 `wrong_code` for everything that is wrong; 429; 503.
pub async fn check(app: &App, token: &str, answer: &Answer) -> Result<Proven, Error> {
    let token = one_time::open::<EmailProof>(app, token).ok_or(Error::WrongCode)?;
    let EmailProof { email, code_hash, secret_hash, .. } = &token.content;
    let email = Email::from_store(email.clone());
    let key = &app.keys().throttle;
    let guesses = Guesses {
        of_token: Counter::new(key, EMAIL_CODE, &[&token.id]),
        of_email: match &token.content.purpose {
            // Strangers cannot guess at these codes, so their guesses at others do not count here.
            EmailPurpose::Reauthentication { user_id, .. } => {
                Counter::new(key, EMAIL_CODES_BY_EMAIL, &["owner", user_id])
            }
            EmailPurpose::SignIn | EmailPurpose::SignUp(_) => {
                Counter::new(key, EMAIL_CODES_BY_EMAIL, &[email.as_str()])
            }
        },
    };
    let (account, is_right) = match answer {
        Answer::Code(code) => {
            let account = email_proofs::guess(&app.store, &guesses, &email, app.now).await??;
            let account = account.ok_or(Error::WrongCode)?;
            (account, is_right(app, CODE, &token.id, code.as_str(), code_hash))
        }
        Answer::Secret(secret) => {
            let account = email_proofs::find_account(&app.store, &email).await?;
            (account, is_right(app, LINK, &token.id, secret, secret_hash))
        }
    };
    if !is_right {
        let user_id = account.as_ref().map(|account| account.user.id.as_str());
        return Err(audit::refused_login(app, user_id, Error::WrongCode));
    }
    let is_counted = matches!(answer, Answer::Code(_));
    Ok(Proven { token, email, account, guesses: is_counted.then_some(guesses.of_email) })
}
