//! Checks new passwords against known breaches, after the password rules.

use std::time::Duration;

use crate::{
    app::App,
    crypto::sha1,
    domain::{breached_password, password::NewPassword},
    error::{Error, FieldProblem},
    language::Phrase,
    ports::Limits,
};

/// Pwned Passwords, which returns all hashes that start with the given 5 digits.
const SERVICE: &str = "https://api.pwnedpasswords.com/range/";
/// With padding, the length of the response does not reveal the digits.
const HEADERS: [(&str, &str); 2] = [("Add-Padding", "true"), ("User-Agent", "Postern")];
/// A user waits for this: longer than the service usually takes, but not long. A response has about 80 KiB.
const LIMITS: Limits = Limits { time: Duration::from_secs(2), bytes: 512 * 1024 };

/// Rejects a password from a known breach, if the settings want that (NIST SP 800-63B-4, section 3.1.1.2). If the service fails, is
/// slow or responds oddly, the password is accepted, because it has already passed the list of common passwords.
///
/// # Errors
/// 422 with `field` if the password is from a breach.
pub async fn refuse_breached(app: &App, field: &'static str, password: &NewPassword) -> Result<(), Error> {
    if !app.settings().looks_up_breaches {
        return Ok(());
    }
    let hash = sha1::hexadecimal(password.as_str());
    let (told, kept) = hash.split_at(breached_password::PREFIX_LENGTH);
    let url = format!("{SERVICE}{told}");
    let is_breached = match app.http.get(&url, &HEADERS, LIMITS).await {
        Ok(answer) if answer.status == 200 => breached_password::is_listed(&answer.body, kept).ok_or("no list"),
        Ok(_) => Err("no success"),
        Err(_) => Err("no answer"),
    };
    match is_breached {
        Ok(true) => Err(Error::Invalid(vec![FieldProblem {
            loc: vec!["body", field],
            phrase: Phrase::Breached,
            kind: "password_breached",
        }])),
        Ok(false) => Ok(()),
        Err(instead) => {
            // Without the URL, which contains a part of the password's hash.
            (app.log)(&format!("request {}: a password was not looked up: {instead} from the service", app.request_id));
            Ok(())
        }
    }
}
