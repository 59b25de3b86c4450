//! The secrets that all keys are derived from.

use std::{collections::BTreeSet, fmt};

use super::{
    reader::Reader,
    table::{AUTH_SECRET, AUTH_SECRET_PREVIOUS},
};

/// The minimum length of a secret in bytes: 256 bits, if they are random.
const MIN_LENGTH: usize = 32;
/// The minimum number of different characters in a secret. Only 1 in 10,000 random secrets of 32 hexadecimal digits has fewer.
const MIN_DISTINCT: usize = 10;

/// The master secrets. Their `Debug` does not show them.
pub struct Secrets {
    /// `AUTH_SECRET`: makes new tokens.
    pub current: String,
    /// `AUTH_SECRET_PREVIOUS`: its tokens are still accepted.
    pub previous: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(..)")
    }
}

impl Secrets {
    pub(super) fn read(reader: &mut Reader<'_>) -> Secrets {
        let current = reader.required(AUTH_SECRET, "create one with `openssl rand -base64 32` and set it as a secret");
        let previous = reader.text(AUTH_SECRET_PREVIOUS);
        for (name, secret) in [(AUTH_SECRET.name, Some(&current)), (AUTH_SECRET_PREVIOUS.name, previous.as_ref())] {
            if secret.is_some_and(|secret| !secret.is_empty() && secret.len() < MIN_LENGTH) {
                reader.invalid(name, &format!("must have at least {MIN_LENGTH} characters"));
            }
        }
        // `AUTH_SECRET_PREVIOUS` may be weak: otherwise a weak secret could not be rotated out.
        if current.len() >= MIN_LENGTH && is_weak(&current) {
            reader.invalid(
                AUTH_SECRET.name,
                "is too easy to guess: create another one with `openssl rand -base64 32`, and set the present one as \
                 AUTH_SECRET_PREVIOUS for as long as its sessions should stay valid",
            );
        }
        if previous.as_ref() == Some(&current) {
            reader.invalid(AUTH_SECRET_PREVIOUS.name, "is the same as AUTH_SECRET");
        }
        Secrets { current, previous }
    }
}

/// Returns whether a secret looks made up by a person: few different characters, or one piece repeated.
fn is_weak(secret: &str) -> bool {
    let distinct = secret.chars().collect::<BTreeSet<_>>().len();
    let bytes = secret.as_bytes();
    let repeats =
        (1..=bytes.len() / 3).any(|length| bytes.iter().zip(bytes.iter().skip(length)).all(|(one, next)| one == next));
    distinct < MIN_DISTINCT || repeats
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::{SECRET, read};

    #[test]
    fn a_secret_has_no_default_and_no_problem_quotes_it() {
        let problems = read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", "short-and-secret")]).unwrap_err();
        assert_eq!(problems, ["AUTH_SECRET must have at least 32 characters"]);
        assert!(read(&[("ENVIRONMENT", "local")]).is_err());
    }

    #[test]
    fn a_guessable_secret_is_rejected_unless_it_is_the_previous_one() {
        let weak = [
            "a".repeat(64),
            "abcabcabd".repeat(5),
            "0123456789".repeat(4),
            "changeme-changeme-changeme-changeme".to_owned(),
        ];
        for secret in &weak {
            let problems = read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", secret)]).unwrap_err();
            assert!(
                problems[0].starts_with("AUTH_SECRET is too easy to guess") && !problems[0].contains(secret),
                "{problems:?}"
            );
            assert!(
                read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), ("AUTH_SECRET_PREVIOUS", secret)]).is_ok(),
                "{secret}"
            );
        }
        for secret in ["d41d8cd98f00b204e9800998ecf8427e", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZg", SECRET] {
            assert!(read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", secret)]).is_ok(), "{secret}");
        }
    }
}
