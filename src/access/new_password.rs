//! A new password, once the rules have passed it: whether it is known from a breach.

use std::time::Duration;

use crate::{
    app::App,
    crypto::sha1,
    domain::{breached_password, password::NewPassword},
    error::{Error, FieldProblem},
};

/// Pwned Passwords, which tells all hashes that begin with the 5 digits it is asked for.
const SERVICE: &str = "https://api.pwnedpasswords.com/range/";
/// With padding, the length of the answer does not tell which digits they were.
const HEADERS: [(&str, &str); 2] = [("Add-Padding", "true"), ("User-Agent", "Postern")];
/// Somebody waits for this: longer than the service ever takes, shorter than patience.
const LIMIT: Duration = Duration::from_secs(2);

/// Looks `password` up among those of known breaches, where the settings want it (NIST SP 800-63B-4, section 3.1.1.2).
/// The service is a help and not a guard: when it fails, is late or answers oddly, the password is accepted, because
/// the rules have held it against the common ones already.
///
/// # Errors
/// 422 that names `field` when the password was breached.
pub async fn refuse_breached(app: &App, field: &'static str, password: &NewPassword) -> Result<(), Error> {
    if !app.settings().looks_up_breaches {
        return Ok(());
    }
    let hash = sha1::hexadecimal(password.as_str());
    let (told, kept) = hash.split_at(breached_password::PREFIX_LENGTH);
    let url = format!("{SERVICE}{told}");
    let is_breached = match app.http.get(&url, &HEADERS, LIMIT).await {
        Ok(answer) if answer.status == 200 => breached_password::is_listed(&answer.body, kept).ok_or("no list"),
        Ok(_) => Err("no success"),
        Err(_) => Err("no answer"),
    };
    match is_breached {
        Ok(true) => Err(Error::Invalid(vec![FieldProblem {
            loc: vec!["body", field],
            msg: "is known from a breach of another service; choose another".to_owned(),
            kind: "password_breached",
        }])),
        Ok(false) => Ok(()),
        Err(instead) => {
            // Nothing of the address: it would tell of a user's password.
            (app.log)(&format!("request {}: a password was not looked up: {instead} from the service", app.request_id));
            Ok(())
        }
    }
}
