//! The two formats of an ECDSA signature on P-256: WebAuthn has the values r and s in DER (RFC 3279, section 2.2.3), WebCrypto takes
//! them one after the other.

/// Returns r and s, 32 bytes each, of a signature in DER. `None` if it is not in DER: every signature has one encoding.
pub fn raw_from_der(signature: &[u8]) -> Option<[u8; 64]> {
    let (sequence, []) = value(0x30, signature)? else { return None };
    let (r, rest) = value(0x02, sequence)?;
    let (s, []) = value(0x02, rest)? else { return None };
    let mut raw = [0; 64];
    let (first, second) = raw.split_at_mut(32);
    for (half, integer) in [(first, r), (second, s)] {
        let magnitude = magnitude(integer)?;
        half.get_mut(32_usize.checked_sub(magnitude.len())?..)?.copy_from_slice(magnitude);
    }
    Some(raw)
}

/// The beginning of a public key on P-256 as SubjectPublicKeyInfo in DER (RFC 5480, section 2), up to the point.
const P256_KEY: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Returns the uncompressed point of a public key on P-256 in DER.
pub fn point_from_der(key: &[u8]) -> Option<[u8; 65]> {
    let point: [u8; 65] = key.strip_prefix(&P256_KEY)?.try_into().ok()?;
    (point.first() == Some(&4)).then_some(point)
}

/// Returns the content of an element with this tag, and what is after it. Everything here is shorter than 128 bytes, so a length is
/// one byte.
fn value(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([actual, length], rest) = bytes.split_first_chunk()?;
    if *actual != tag || *length >= 128 {
        return None;
    }
    rest.split_at_checked((*length).into())
}

/// Returns a positive integer without the zero that keeps its highest bit from being a sign.
fn magnitude(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [0, rest @ ..] => rest.first().is_some_and(|first| *first >= 128).then_some(rest),
        [1..128, ..] => Some(integer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
        let content = [&[2, r.len() as u8], r, &[2, s.len() as u8], s].concat();
        [vec![0x30, content.len() as u8], content].concat()
    }

    #[test]
    fn r_and_s_fill_32_bytes_each() {
        let raw = raw_from_der(&der(&[1], &[0, 0x80, 7])).unwrap();
        assert_eq!((raw[..31].iter().max(), raw[31]), (Some(&0), 1));
        assert_eq!((raw[32..62].iter().max(), &raw[62..]), (Some(&0), [0x80, 7].as_slice()));
        let long = [vec![0], vec![0xff; 32]].concat();
        assert_eq!(raw_from_der(&der(&long, &long)), Some([0xff; 64]));
    }

    #[test]
    fn other_encodings_of_a_signature_are_rejected() {
        let good = der(&[1], &[2]);
        assert!(raw_from_der(&good).is_some());
        for length in 0..good.len() {
            assert_eq!(raw_from_der(&good[..length]), None, "{length}");
        }
        let with = |place: usize, byte: u8| {
            let mut changed = good.clone();
            changed[place] = byte;
            changed
        };
        for bad in [
            // Something after it, in it, or in a number.
            [good.as_slice(), &[0]].concat(),
            [&[0x30, 7], &good[2..], &[0]].concat(),
            // The tags and lengths.
            with(0, 0x31),
            with(1, 5),
            with(1, 7),
            with(2, 3),
            with(3, 2),
            with(6, 0),
            // A length in the long form.
            [&[0x30, 0x81, 6], &good[2..]].concat(),
            // Indefinite length.
            [&[0x30, 0x80], &good[2..], &[0, 0]].concat(),
            // Zero, a negative number, a number that is empty, has a leading zero or more than 32 bytes.
            der(&[0], &[2]),
            der(&[1], &[0x80]),
            der(&[], &[2]),
            der(&[0, 1], &[2]),
            der(&[0, 0, 0x80], &[2]),
            der(&[1; 33], &[2]),
            der(&[0], &[0]),
        ] {
            assert_eq!(raw_from_der(&bad), None, "{bad:02x?}");
        }
    }
}
