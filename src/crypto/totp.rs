//! Time-based one-time passwords (RFC 6238) with the parameters that every authenticator app knows: HMAC-SHA-1, six digits, a new code
//! every 30 seconds.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{base32, constant_time, random};
use crate::error::Error;

/// The length of a secret, in bytes: that of a hash (RFC 4226, section 4, R6).
const SECRET_LENGTH: usize = 20;
/// The length of a block of SHA-1, to which HMAC pads its key with zeros.
const BLOCK: usize = 64;
/// How long a code is shown, in milliseconds.
const STEP: i64 = 30_000;
/// The steps before and after the current one whose codes are accepted (RFC 6238, section 5.2), for clocks that are wrong and users
/// who type slowly.
const WINDOW: i64 = 1;
const DIGITS: usize = 6;

/// A secret that an authenticator app shares.
pub struct Secret([u8; SECRET_LENGTH]);

impl Secret {
    /// Draws a secret.
    ///
    /// # Errors
    /// 500 if there is no randomness.
    pub fn draw() -> Result<Secret, Error> {
        random::bytes().map(Secret)
    }

    /// Parses what [`Secret::to_base32`] returns.
    pub fn from_base32(text: &str) -> Option<Secret> {
        base32::decode(text)?.try_into().ok().map(Secret)
    }

    /// Returns the secret as users type it into an app: 32 characters.
    pub fn to_base32(&self) -> String {
        base32::encode(&self.0)
    }

    /// Returns the time step whose code this is, if it is the current one or next to it. All steps are compared in constant time.
    pub fn matching_step(&self, code: &str, now: i64) -> Option<i64> {
        let current = now.div_euclid(STEP);
        let steps = current - WINDOW..=current + WINDOW;
        constant_time::find(steps.map(|step| (self.code(step), step)), code)
    }

    /// Returns the code of a time step.
    pub fn code(&self, step: i64) -> String {
        let number = self.truncated_hash(step) % 10_u32.pow(DIGITS as u32);
        format!("{number:0DIGITS$}")
    }

    /// Returns 31 bits of the hash, at an offset that the hash itself names (RFC 4226, section 5.3).
    fn truncated_hash(&self, step: i64) -> u32 {
        let mut key = [0; BLOCK];
        for (to, from) in key.iter_mut().zip(self.0) {
            *to = from;
        }
        let mut mac = Hmac::<Sha1>::new(&key.into());
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = hash.last().map_or(0, |byte| usize::from(byte & 15));
        let word = hash.iter().skip(offset).take(4).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        word & 0x7fff_ffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret(*b"12345678901234567890")
    }

    /// RFC 6238, appendix B, with SHA-1. Its codes have eight digits.
    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        for (seconds, code) in [
            (59_i64, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            let step = seconds / 30;
            assert_eq!(secret().truncated_hash(step) % 100_000_000, code, "{seconds}");
            assert_eq!(secret().code(step), format!("{:06}", code % 1_000_000));
            assert_eq!(secret().matching_step(&secret().code(step), seconds * 1_000), Some(step));
        }
    }

    /// RFC 4226, appendix D.
    #[test]
    fn the_truncation_is_that_of_rfc_4226() {
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        assert_eq!(std::array::from_fn(|step| secret().code(step as i64)), codes);
    }

    #[test]
    fn only_the_codes_of_the_current_step_and_those_next_to_it_match() {
        let step = 60_000_000;
        let code = secret().code(step);
        for (now, is_accepted) in [
            (step * STEP - STEP - 1, false),
            (step * STEP - STEP, true),
            (step * STEP, true),
            (step * STEP + 2 * STEP - 1, true),
            (step * STEP + 2 * STEP, false),
        ] {
            assert_eq!(secret().matching_step(&code, now), is_accepted.then_some(step), "{now}");
        }
        let now = step * STEP;
        for wrong in ["", &code[1..], &format!("{code}0"), &format!("0{code}"), "12345\u{e9}"] {
            assert_eq!(secret().matching_step(wrong, now), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_secret_has_160_bits_and_survives_its_text() {
        let drawn = Secret::draw().unwrap();
        assert_eq!(drawn.to_base32().len(), 32);
        assert_eq!(Secret::from_base32(&drawn.to_base32()).unwrap().0, drawn.0);
        assert_ne!(drawn.0, Secret::draw().unwrap().0);
        assert!(Secret::from_base32("MZXW6YTBOI").is_none());
    }
}
