//! SHA-1 (FIPS 180-4). Its collisions are broken, so this hash protects nothing here: other services use it to name the entries of
//! their lists.

use sha1::{Digest, Sha1};

/// Returns the hash of a text, in 40 upper-case hexadecimal digits.
pub fn hexadecimal(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_fips_180() {
        // FIPS 180-2, appendices A.1 and A.2.
        assert_eq!(hexadecimal("abc"), "A9993E364706816ABA3E25717850C26C9CD0D89D");
        let two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hexadecimal(two_blocks), "84983E441C3BD26EBAAE4AA1F95129E5E54670F1");
    }
}
