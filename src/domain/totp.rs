//! The address with which an authenticator app is set up, usually as a QR code.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is escaped: everything except the unreserved characters (RFC 3986, section 2.3), and the `@` of an email, which a path can
/// contain.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// Returns the `otpauth:` URI of a secret, in the format that Google Authenticator introduced and all apps read. The app lists the
/// entry by the name of the service and the email. A colon separates the two, so the name must not contain one.
pub fn uri(service: &str, email: &str, secret: &str) -> String {
    let service = service.replace(':', " ");
    let issuer = utf8_percent_encode(service.trim(), ESCAPED);
    let account = utf8_percent_encode(email, ESCAPED);
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_names_the_service_the_account_and_the_secret() {
        assert_eq!(
            uri("Postern", "ada@example.com", "MZXW6YTBOI"),
            "otpauth://totp/Postern:ada@example.com?secret=MZXW6YTBOI&issuer=Postern"
        );
    }

    #[test]
    fn no_character_of_a_name_ends_its_part_of_the_uri() {
        assert_eq!(
            uri("Acme: R&D/\u{dc}ber?", "a+b#c%d=e&f/g@example.com", "MY"),
            "otpauth://totp/Acme%20%20R%26D%2F%C3%9Cber%3F:a%2Bb%23c%25d%3De%26f%2Fg@example.com?secret=MY\
             &issuer=Acme%20%20R%26D%2F%C3%9Cber%3F"
        );
    }
}
