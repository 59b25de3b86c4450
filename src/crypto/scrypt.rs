//! scrypt (RFC 7914), as PHC strings and in the format of Better Auth. Verifies imported hashes.

use icu_normalizer::ComposingNormalizerBorrowed;
use phc::PasswordHash;
use scrypt::Params;
use subtle::ConstantTimeEq;

use crate::error::Error;

/// The cost of a hash (RFC 7914, section 2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// The logarithm of N to base 2.
    pub log_n: u8,
    /// r. N × r × 128 bytes is the memory.
    pub block_size: u32,
    /// p: how often the memory is filled, one time after the other.
    pub parallelization: u32,
}

/// The maximum memory of a stored hash, in bytes: 32 MiB, as in Better Auth. It fits into an isolate together with the largest
/// buffer of argon2.
const MAX_MEMORY: u64 = 32 * 1024 * 1024;
/// The maximum memory times p, in bytes, which limits the time: eight times 32 MiB, less than a second.
const MAX_WORK: u64 = 8 * MAX_MEMORY;
/// The maximum r and p of a stored hash.
const MAX_BLOCK_SIZE: u32 = 32;
const MAX_PARALLELIZATION: u32 = 16;

/// The parameters of Better Auth (its `password.ts`), which are not in its strings.
const BETTER_AUTH: Cost = Cost { log_n: 14, block_size: 16, parallelization: 1 };
/// The length of its salt and its hash, in hexadecimal digits.
const BETTER_AUTH_SALT: usize = 32;
const BETTER_AUTH_HASH: usize = 128;

/// Returns whether `stored` is a PHC string of scrypt.
pub(super) fn is_form_of(stored: &str) -> bool {
    stored.starts_with("$scrypt$")
}

/// Returns whether `stored` has the format of Better Auth: salt and hash in hexadecimal, with a colon between them.
pub(super) fn is_better_auth_form_of(stored: &str) -> bool {
    stored.split_once(':').is_some_and(|(salt, hash)| {
        let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        salt.len() == BETTER_AUTH_SALT && hash.len() == BETTER_AUTH_HASH && is_hexadecimal(salt) && is_hexadecimal(hash)
    })
}

/// Returns whether `stored`, a PHC string with `ln`, `r` and `p`, is a hash of `password`.
///
/// # Errors
/// 500 if `stored` is malformed or too expensive for an isolate.
pub(super) fn verify(password: &str, stored: &str) -> Result<bool, Error> {
    let (cost, salt, hash) = parse(stored)?;
    let computed = derive(password.as_bytes(), &salt, cost, hash.len())?;
    Ok(computed.ct_eq(&hash).into())
}

/// Checks that [`verify`] can verify a password against `stored`.
///
/// # Errors
/// 500 if it cannot.
pub(super) fn check(stored: &str) -> Result<(), Error> {
    params(parse(stored)?.0).map(drop)
}

/// Returns the cost, the salt and the hash of a PHC string.
fn parse(stored: &str) -> Result<(Cost, Vec<u8>, Vec<u8>), Error> {
    let parsed = PasswordHash::new(stored).map_err(|error| defect(&error.to_string()))?;
    let parameter = |name| parsed.params.get_decimal(name).ok_or_else(|| defect("a parameter is missing"));
    let cost = Cost {
        log_n: u8::try_from(parameter("ln")?).map_err(|_| too_expensive())?,
        block_size: parameter("r")?,
        parallelization: parameter("p")?,
    };
    let (Some(salt), Some(hash)) = (parsed.salt, parsed.hash) else {
        return Err(defect("there is no salt or no hash"));
    };
    Ok((cost, salt.as_ref().to_vec(), hash.as_bytes().to_vec()))
}

/// Returns whether `stored`, written by Better Auth, is a hash of `password`. Better Auth hashes the password in Unicode's form
/// NFKC, and uses the hexadecimal digits of the salt as the salt.
///
/// # Errors
/// 500 if `stored` is malformed.
pub(super) fn verify_better_auth(password: &str, stored: &str) -> Result<bool, Error> {
    let (salt, hash) = stored.split_once(':').ok_or_else(|| defect("there is no salt or no hash"))?;
    let normalized = ComposingNormalizerBorrowed::new_nfkc().normalize(password);
    let computed = derive(normalized.as_bytes(), salt.as_bytes(), BETTER_AUTH, BETTER_AUTH_HASH / 2)?;
    let computed: String = computed.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(computed.as_bytes().ct_eq(hash.to_ascii_lowercase().as_bytes()).into())
}

/// Returns the key of `length` bytes that scrypt derives.
///
/// # Errors
/// 500 if `cost` is invalid or too expensive for an isolate.
pub(super) fn derive(password: &[u8], salt: &[u8], cost: Cost, length: usize) -> Result<Vec<u8>, Error> {
    let params = params(cost)?;
    let mut key = vec![0; length];
    scrypt::scrypt(password, salt, &params, &mut key).map_err(|error| defect(&error.to_string()))?;
    Ok(key)
}

/// Returns the parameters for a cost.
///
/// # Errors
/// 500 when `cost` is none that scrypt knows, or more than an isolate can give.
pub(super) fn params(cost: Cost) -> Result<Params, Error> {
    let Cost { log_n, block_size, parallelization } = cost;
    let memory = 1u64.checked_shl(log_n.into()).and_then(|n| n.checked_mul(u64::from(block_size) * 128));
    let is_bearable = memory.is_some_and(|memory| memory <= MAX_MEMORY)
        && block_size <= MAX_BLOCK_SIZE
        && parallelization <= MAX_PARALLELIZATION
        && memory.is_some_and(|memory| memory * u64::from(parallelization) <= MAX_WORK);
    if !is_bearable {
        return Err(too_expensive());
    }
    Params::new(log_n, block_size, parallelization).map_err(|error| defect(&error.to_string()))
}

fn too_expensive() -> Error {
    defect("it costs more than an isolate can give")
}

fn defect(problem: &str) -> Error {
    Error::Internal(format!("a stored scrypt hash: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7914, section 12, except the last one, which needs 1 GiB.
    #[test]
    fn the_vectors_of_rfc_7914_are_met() {
        for (password, salt, (log_n, block_size, parallelization), expected) in [
            (
                "",
                "",
                (4, 1, 1),
                "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
            ),
            (
                "password",
                "NaCl",
                (10, 8, 16),
                "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
            ),
            (
                "pleaseletmein",
                "SodiumChloride",
                (14, 8, 1),
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
            ),
        ] {
            let cost = Cost { log_n, block_size, parallelization };
            let key = derive(password.as_bytes(), salt.as_bytes(), cost, 64).unwrap();
            let hexadecimal: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hexadecimal, expected, "{password}");
        }
    }

    /// Made with passlib 1.7.4 (Python).
    #[test]
    fn phc_strings_of_other_implementations_verify() {
        for (password, stored) in [
            (
                "correct horse battery",
                "$scrypt$ln=14,r=8,p=1$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
            ),
            (
                "pässwörd 🔑 with every kind of character",
                "$scrypt$ln=10,r=8,p=2$HYNwTukdQ4hRSklJiVGKkQ$c64q2Ly6YaZcTbbpNtHPFqdcZsMNYSX+AAczXiMXiB0",
            ),
        ] {
            assert!(is_form_of(stored) && verify(password, stored).unwrap(), "{stored}");
            assert!(!verify(&format!("{password} "), stored).unwrap(), "{stored}");
        }
    }

    /// Made with better-auth 1.7.25; the second of them with a ligature, a circled digit and combining marks.
    #[test]
    fn hashes_of_better_auth_verify_however_the_password_is_composed() {
        for (passwords, stored) in [
            (
                ["correct horse battery", "correct horse battery"],
                "56cce141f34e103398212b61dbdf0e26:5c11875a09c403f745d71462a3b846f466b263a78569526068e09669521f0780a9e9d7a89f7dff2067af33c3aec5475ec8665b7ad5f723a39fcee77bcc9a1838",
            ),
            (
                ["\u{fb01}ne pässwörd \u{2460}", "fine pa\u{308}sswo\u{308}rd 1"],
                "f8ceee3ccf90bcec7a9a2952e7e212c1:5e64ef64382ef75786733388ed9082bd2e43e5597ee3c3b2ea303ca823d6741bfd45e270d7c50e7cbebeab9c614c7380f59b8a1bdd84e3913b0588217e9f9254",
            ),
        ] {
            assert!(is_better_auth_form_of(stored));
            for password in passwords {
                assert!(verify_better_auth(password, stored).unwrap(), "{password}");
                assert!(!verify_better_auth(&format!("{password} "), stored).unwrap(), "{password}");
            }
        }
        assert!(!is_better_auth_form_of("56cce141f34e103398212b61dbdf0e26:5c11"));
    }

    #[test]
    fn a_stored_hash_cannot_ask_for_more_than_an_isolate_has() {
        for stored in [
            "$scrypt$ln=17,r=8,p=1$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
            "$scrypt$ln=64,r=8,p=1$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
            "$scrypt$ln=1,r=131072,p=1$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
            "$scrypt$ln=14,r=8,p=17$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
            "$scrypt$ln=14,r=0,p=1$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
            "$scrypt$ln=14,r=8$DuG813ovReidMybEeM8Zow$cjTbLNwVZy5Pk3sVR2zT2sz0XXlB6XBeBJleYK6+HCk",
            "$scrypt$ln=14,r=8,p=1$DuG813ovReidMybEeM8Zow",
        ] {
            assert!(verify("password", stored).is_err(), "{stored}");
        }
    }
}
