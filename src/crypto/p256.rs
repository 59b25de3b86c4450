//! Private keys on P-256. WebCrypto signs with them (`ports::Signatures`), so there is no arithmetic here.

/// The order of the curve (SP 800-186, section 3.2.1.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The beginning of a private key in PKCS #8 (RFC 5958) in DER, up to the scalar. The key (RFC 5915) has no public key, which is
/// optional.
const PKCS8: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/// Returns a private key in PKCS #8, in DER. `candidate` returns pseudorandom bytes for a counter. The first ones that are a scalar
/// from 1 to the order - 1 are the key, so all scalars have the same probability (FIPS 186-5, appendix A.2.2; RFC 9180, section
/// 7.1.3, does the same). The second candidate is needed with a probability of 2^-32.
pub fn private_key(candidate: impl Fn(u8) -> [u8; 32]) -> Vec<u8> {
    let mut counter = 0_u8;
    let mut scalar = candidate(counter);
    while scalar == [0; 32] || scalar >= ORDER {
        counter = counter.wrapping_add(1);
        scalar = candidate(counter);
    }
    [PKCS8.as_slice(), &scalar].concat()
}

#[cfg(test)]
mod tests {
    use p256::{elliptic_curve::sec1::ToSec1Point, pkcs8::DecodePrivateKey};

    use super::*;

    /// Returns the order plus `difference`.
    fn near_order(difference: i8) -> [u8; 32] {
        let mut number = ORDER;
        number[31] = number[31].checked_add_signed(difference).unwrap();
        number
    }

    #[test]
    fn a_scalar_is_between_zero_and_the_order() {
        let one = std::array::from_fn(|at| u8::from(at == 31));
        for (bytes, is_scalar) in [
            ([0; 32], false),
            (one, true),
            (near_order(-1), true),
            (ORDER, false),
            (near_order(1), false),
            ([0xff; 32], false),
        ] {
            let key = private_key(|counter| if counter == 0 { bytes } else { [7; 32] });
            assert_eq!(key[35..], if is_scalar { bytes } else { [7; 32] });
        }
    }

    /// RFC 6979, appendix A.2.5.
    #[test]
    fn the_encoding_is_that_of_other_libraries() {
        let scalar = 0xc9af_a9d8_45ba_7516_u64.to_be_bytes();
        let rest = [0x6b5c_2157_67b1_d693_u64, 0x4e50_c3db_36e8_9b12, 0x7b8a_622b_120f_6721].map(u64::to_be_bytes);
        let scalar: [u8; 32] = [scalar.as_slice(), &rest.concat()].concat().try_into().unwrap();
        let key = p256::SecretKey::from_pkcs8_der(&private_key(|_| scalar)).unwrap();
        let point = key.public_key().to_sec1_point(false);
        let hex: String = point.as_bytes()[1..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
             7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        );
    }
}
