//! The first account.

use std::fmt;

use super::{
    reader::Reader,
    table::{ADMIN_EMAIL, ADMIN_PASSWORD, DEFAULT_ADMIN},
};
use crate::{
    domain::{
        email::Email,
        password::{NewPassword, Policy},
        return_to::Origins,
    },
    language::Language,
};

/// The first account, if it is not the default one. Its `Debug` does not show it.
pub struct FirstAdmin {
    /// `ADMIN_EMAIL`.
    pub email: Email,
    /// `ADMIN_PASSWORD`, in clear.
    pub password: String,
}

impl fmt::Debug for FirstAdmin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FirstAdmin(..)")
    }
}

/// Reads `DEFAULT_ADMIN`: whether the default account can do everything before its password is changed.
pub(super) fn is_default_open(reader: &mut Reader<'_>) -> bool {
    let is_open = reader.choice(DEFAULT_ADMIN) == "open";
    if is_open && !reader.is_local {
        reader.invalid(DEFAULT_ADMIN.name, "is open, which makes everyone an admin: this requires ENVIRONMENT=local");
    }
    is_open
}

impl FirstAdmin {
    pub(super) fn read(reader: &mut Reader<'_>, min_length: usize, service_name: &str) -> Option<FirstAdmin> {
        let password = reader.untrimmed(ADMIN_PASSWORD).map(|typed| {
            let policy = Policy { min_length, service_name, email: None, origins: Origins::NONE };
            match NewPassword::parse(&typed, &policy) {
                Ok(password) => password.as_str().to_owned(),
                Err((phrase, _)) => {
                    reader.invalid(ADMIN_PASSWORD.name, &phrase.text(Language::English));
                    typed
                }
            }
        });
        match (reader.text(ADMIN_EMAIL), password) {
            (None, None) => None,
            (Some(email), Some(password)) => match Email::parse(&email) {
                Ok(email) => Some(FirstAdmin { email, password }),
                Err((phrase, _)) => {
                    reader.invalid(ADMIN_EMAIL.name, &phrase.text(Language::English));
                    None
                }
            },
            (Some(_), None) => {
                reader.missing(ADMIN_PASSWORD.name, "ADMIN_EMAIL is set");
                None
            }
            (None, Some(_)) => {
                reader.missing(ADMIN_EMAIL.name, "ADMIN_PASSWORD is set");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::{SECRET, read};

    #[test]
    fn the_password_of_the_first_admin_follows_the_password_rules() {
        let problems = read(&[
            ("ENVIRONMENT", "local"),
            ("AUTH_SECRET", SECRET),
            ("ADMIN_EMAIL", "root@example.com"),
            ("ADMIN_PASSWORD", "admin"),
        ])
        .unwrap_err();
        assert_eq!(problems, ["ADMIN_PASSWORD must have at least 8 characters"]);
    }
}
