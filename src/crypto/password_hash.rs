//! argon2 (RFC 9106), as PHC strings. Imported hashes of other kinds also verify; the first login replaces them.
//!
//! Hashing needs 19 MiB. WebAssembly memory never shrinks and an isolate has 128 MiB, so all hashes of an isolate use the same
//! buffer, which is wiped after each.

use std::cell::RefCell;

use ::argon2::{Algorithm, Params, Version};
use phc::{Output, ParamsString, PasswordHash, Salt};
use subtle::ConstantTimeEq;

use super::{
    argon2::{self, MemoryBlock},
    bcrypt, firebase_scrypt, random, scrypt,
};
use crate::error::Error;

/// The cost of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The memory, in KiB.
    pub memory_kib: u32,
    /// The number of passes.
    pub iterations: u32,
    /// The number of lanes, which are computed one after the other.
    pub parallelism: u32,
}

/// The maximum memory of a stored hash, in KiB: half of an isolate.
const MAX_MEMORY_KIB: u32 = 65_536;
/// The maximum passes of a stored hash.
const MAX_ITERATIONS: u32 = 16;
/// The maximum lanes of a stored hash.
const MAX_LANES: u32 = 16;
/// The length of salt and hash, in bytes (RFC 9106, section 3.1).
const SALT_LENGTH: usize = 16;
const HASH_LENGTH: usize = 32;

thread_local! {
    static MEMORY: RefCell<Vec<MemoryBlock>> = const { RefCell::new(Vec::new()) };
}

/// Hashes a password with argon2id and a fresh salt.
///
/// # Errors
/// 500 if there is no randomness or `cost` is invalid.
pub fn hash(password: &str, cost: Cost) -> Result<String, Error> {
    let salt = random::bytes::<SALT_LENGTH>()?;
    let params = params(cost)?;
    let mut output = [0; HASH_LENGTH];
    compute(Algorithm::Argon2id, Version::V0x13, &params, password, &salt, &mut output)?;
    phc_string(&params, &salt, &output)
}

/// Returns whether `stored` is a hash of `password`. It can be of any variant of argon2 (passlib, libargon2), bcrypt (Supabase), or
/// scrypt (Better Auth, Firebase).
///
/// # Errors
/// 500 if the kind of `stored` is unknown, or it is too expensive for an isolate.
pub fn verify(password: &str, stored: &str) -> Result<bool, Error> {
    if bcrypt::is_form_of(stored) {
        return bcrypt::verify(password, stored);
    }
    if scrypt::is_form_of(stored) {
        return scrypt::verify(password, stored);
    }
    if scrypt::is_better_auth_form_of(stored) {
        return scrypt::verify_better_auth(password, stored);
    }
    if firebase_scrypt::is_form_of(stored) {
        return firebase_scrypt::verify(password, stored);
    }
    let stored = Stored::parse(stored)?;
    let mut output = vec![0; stored.hash.len()];
    compute(stored.algorithm, stored.version, &stored.params, password, &stored.salt, &mut output)?;
    Ok(output.ct_eq(&stored.hash).into())
}

/// Checks that [`verify`] can verify a password against `stored`, with the same parsers and bounds, and without computing a hash.
///
/// # Errors
/// 500 if it cannot. The error does not contain the hash.
pub fn check_stored(stored: &str) -> Result<(), Error> {
    if bcrypt::is_form_of(stored) {
        return bcrypt::check(stored);
    }
    if scrypt::is_form_of(stored) {
        return scrypt::check(stored);
    }
    if scrypt::is_better_auth_form_of(stored) {
        return Ok(());
    }
    if firebase_scrypt::is_form_of(stored) {
        return firebase_scrypt::check(stored);
    }
    Stored::parse(stored).map(drop)
}

/// Returns whether the parameters of `stored` differ from `cost`, so that the login should replace it. Stronger hashes are replaced
/// too: they would make the user's logins slower than all others.
pub fn differs(stored: &str, cost: Cost) -> bool {
    Stored::parse(stored).map_or(true, |stored| {
        stored.algorithm != Algorithm::Argon2id
            || stored.version != Version::V0x13
            || stored.params.m_cost() != cost.memory_kib
            || stored.params.t_cost() != cost.iterations
            || stored.params.p_cost() != cost.parallelism
            || stored.salt.len() != SALT_LENGTH
            || stored.hash.len() != HASH_LENGTH
    })
}

/// Returns a hash of no password with the given cost, to verify the password of an unknown user against, so that the response takes
/// the same time.
///
/// # Errors
/// 500 if `cost` is invalid.
pub fn decoy(cost: Cost) -> Result<String, Error> {
    phc_string(&params(cost)?, &[0; SALT_LENGTH], &[0; HASH_LENGTH])
}

fn params(cost: Cost) -> Result<Params, Error> {
    Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(HASH_LENGTH)).map_err(defect)
}

fn phc_string(params: &Params, salt: &[u8], hash: &[u8]) -> Result<String, Error> {
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(defect)?,
        salt: Some(Salt::new(salt).map_err(defect)?),
        hash: Some(Output::new(hash).map_err(defect)?),
    };
    Ok(phc.to_string())
}

struct Stored {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Stored {
    fn parse(phc: &str) -> Result<Stored, Error> {
        let parsed = PasswordHash::new(phc).map_err(defect)?;
        let params = Params::try_from(&parsed).map_err(defect)?;
        let is_affordable =
            params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_ITERATIONS && params.p_cost() <= MAX_LANES;
        if !is_affordable {
            return Err(Error::Internal("a stored password hash costs more than an isolate can give".to_owned()));
        }
        let missing = || Error::Internal("a stored password hash has no salt or no hash".to_owned());
        let salt = parsed.salt.ok_or_else(missing)?.as_ref().to_vec();
        if salt.len() < ::argon2::MIN_SALT_LEN {
            return Err(Error::Internal("a stored password hash has a salt that is too short".to_owned()));
        }
        Ok(Stored {
            algorithm: Algorithm::try_from(parsed.algorithm.as_str()).map_err(defect)?,
            // RFC 9106 is version 0x13. Strings of version 0x10 have no version.
            version: parsed.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(defect)?,
            params,
            salt,
            hash: parsed.hash.ok_or_else(missing)?.as_bytes().to_vec(),
        })
    }
}

fn compute(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &str,
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), Error> {
    MEMORY.with_borrow_mut(|memory| {
        let needed = argon2::block_count(params);
        if memory.len() < needed {
            memory.resize(needed, MemoryBlock::default());
        }
        let blocks = memory.get_mut(..needed).unwrap_or_default();
        let input = argon2::Input { algorithm, version, params, password: password.as_bytes(), salt, secret: &[] };
        let computed = argon2::hash_into(&input, output, blocks);
        blocks.fill(MemoryBlock::default());
        computed.map_err(defect)
    })
}

fn defect(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a password hash: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

    /// The vectors of the reference implementation (`phc-winner-argon2`, test.c), without a secret and associated data, like our
    /// hashes. Those of RFC 9106, section 5, have both and are tested in `argon2`.
    #[test]
    fn hashes_of_the_reference_implementation_verify() {
        for (password, phc) in [
            ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
            ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
            (
                "differentpassword",
                "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
            ),
            ("password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
            ("password", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"),
        ] {
            assert!(verify(password, phc).unwrap(), "{phc}");
            assert!(!verify("Password", phc).unwrap(), "{phc}");
        }
    }

    #[test]
    fn a_hash_is_a_phc_string_with_its_cost_and_a_fresh_salt() {
        let first = hash("correct horse", CHEAP).unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{first}");
        assert_ne!(first, hash("correct horse", CHEAP).unwrap());
        assert!(verify("correct horse", &first).unwrap());
    }

    #[test]
    fn the_last_of_128_characters_counts() {
        let long = "\u{1f511}".repeat(127);
        let phc = hash(&format!("{long}a"), CHEAP).unwrap();
        assert!(verify(&format!("{long}a"), &phc).unwrap());
        assert!(!verify(&format!("{long}b"), &phc).unwrap());
    }

    #[test]
    fn a_hash_with_other_parameters_is_replaced_whether_weaker_or_stronger() {
        let cost = |memory_kib, iterations, parallelism| Cost { memory_kib, iterations, parallelism };
        let phc = hash("password", cost(64, 2, 1)).unwrap();
        assert!(!differs(&phc, cost(64, 2, 1)));
        for other in [cost(65, 2, 1), cost(32, 2, 1), cost(64, 3, 1), cost(64, 1, 1), cost(64, 2, 2)] {
            assert!(differs(&phc, other), "{other:?}");
        }
        let argon2i = "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
        assert!(differs(argon2i, CHEAP));
    }

    #[test]
    fn no_password_matches_the_decoy() {
        let decoy = decoy(CHEAP).unwrap();
        assert!(!verify("", &decoy).unwrap() && !verify("password", &decoy).unwrap());
    }

    #[test]
    fn the_memory_is_wiped_after_use_and_used_again() {
        hash("password", CHEAP).unwrap();
        let (address, length) = MEMORY.with_borrow(|memory| {
            assert!(memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
            (memory.as_ptr(), memory.len())
        });
        hash("password", CHEAP).unwrap();
        assert_eq!((address, length), MEMORY.with_borrow(|memory| (memory.as_ptr(), memory.len())));
    }

    #[test]
    fn the_check_of_a_stored_hash_agrees_with_its_verification() {
        let argon2 = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let bcrypt = "$2b$04$SO6x4rZ/SJaM45Thj/KQ9OLmpMwU4SqwQ6VNmxI436mE/cXuPfo9i";
        let scrypt = "$scrypt$ln=4,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let firebase = "$fbscrypt$v=1,n=4,r=8,p=1,ss=Bw==,sk=AAAA$c2FsdA==$AAAA";
        let better_auth = format!("{}:{}", "a".repeat(32), "b".repeat(128));
        for stored in [argon2, bcrypt, scrypt, firebase, &better_auth] {
            assert!(check_stored(stored).is_ok() && verify("", stored).is_ok(), "{stored}");
        }
        for stored in [
            argon2.replace("p=1", "p=0"),
            argon2.replace("p=1", "p=99"),
            argon2.replace("m=64", "m=1024").replace("p=1", "p=17"),
            argon2.replace("m=64", "m=16").replace("p=1", "p=4"),
            argon2.replace("m=64", "m=65537"),
            argon2.replace("t=1", "t=17"),
            argon2.replace("c29tZXNhbHRzb21lc2FsdA", "c29t"),
            argon2.replace("c29tZXNhbHRzb21lc2FsdA", "c29tZXNhbHRzb21lc2FsdB"),
            argon2.replace("c29tZXNhbHRzb21lc2FsdA", &"AAAA".repeat(20)),
            argon2.replace("argon2id", "argon2x"),
            bcrypt.replace("$04$", "$03$"),
            bcrypt.replace("$04$", "$15$"),
            bcrypt.replace("$04$", "$1x$"),
            bcrypt.replace('/', "!"),
            bcrypt[..59].to_owned(),
            format!("{bcrypt}."),
            scrypt.replace("ln=4", "ln=19"),
            scrypt.replace("r=8", "r=0"),
            scrypt.replace("p=1", "p=17"),
            scrypt.replace("ln=4", "ln=15").replace("p=1", "p=9"),
            firebase.replace("n=4", "n=15").replace("p=1", "p=9"),
            firebase.replace("n=4", "n=30"),
            firebase.replace("sk=AAAA", "sk="),
            better_auth.replace(':', ""),
            "plain text".to_owned(),
        ] {
            assert!(check_stored(&stored).is_err(), "{stored} passes the check");
            assert!(verify("", &stored).is_err(), "{stored} is verified");
        }
    }

    #[test]
    fn a_stored_hash_cannot_ask_for_more_than_an_isolate_has() {
        let greedy = "$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(verify("password", greedy).is_err());
        assert!(verify("password", "plain text").is_err());
    }
}
