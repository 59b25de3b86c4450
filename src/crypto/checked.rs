//! What was checked before and found good, so that the same dear check is not made for each request that repeats it.

use std::cell::RefCell;

use sha2::{Digest, Sha256};

/// How many are remembered: 32 KiB. Each has one place, and the last one there stays.
const PLACES: usize = 1024;

/// Good checks, each by the SHA-256 of all that went into it. A good one that is forgotten is made again; a bad one is
/// made again each time.
pub(super) struct Checked(RefCell<Vec<[u8; 32]>>);

impl Checked {
    pub(super) fn new() -> Self {
        Checked(RefCell::new(vec![[0; 32]; PLACES]))
    }

    /// Whether the check holds whose outcome depends on `parts` and nothing else. Only the last part may vary in length.
    pub(super) fn holds(&self, parts: &[&[u8]], check: impl FnOnce() -> bool) -> bool {
        let digest: [u8; 32] = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().into();
        let [first, second, ..] = digest;
        let place = usize::from(u16::from_be_bytes([first, second])) % PLACES;
        let mut places = self.0.borrow_mut();
        let Some(known) = places.get_mut(place) else { return check() };
        if *known == digest {
            return true;
        }
        let holds = check();
        if holds {
            *known = digest;
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_good_is_not_checked_again_and_what_was_found_bad_is() {
        let checked = Checked::new();
        let ask = |part: &[u8], outcome| {
            let mut made = false;
            let holds = checked.holds(&[part], || {
                made = true;
                outcome
            });
            (holds, made)
        };
        assert_eq!([ask(b"bad", false), ask(b"bad", false)], [(false, true), (false, true)]);
        assert_eq!([ask(b"good", true), ask(b"good", false)], [(true, true), (true, false)]);
        assert_eq!(ask(b"other", false), (false, true));
    }

    #[test]
    fn one_that_takes_the_place_of_another_is_not_taken_for_it() {
        let checked = Checked::new();
        // So many that each place was taken many times.
        for number in 0..20 * PLACES as u64 {
            assert!(checked.holds(&[&number.to_be_bytes()], || true));
        }
        for number in 20 * PLACES as u64..40 * PLACES as u64 {
            assert!(!checked.holds(&[&number.to_be_bytes()], || false));
        }
    }
}
