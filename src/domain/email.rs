//! Email addresses.

use std::fmt;

use crate::error::Fault;

/// An address in the form in which it is stored and compared: trimmed and lower-case.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// RFC 5321, section 4.5.3.1, in bytes: the whole address within `<>`, and what stands before the `@`.
const MAX_LENGTH: usize = 254;
const MAX_LOCAL: usize = 64;
/// RFC 1035, section 2.3.4, in bytes.
const MAX_LABEL: usize = 63;

impl Email {
    /// Reads an address as the HTML standard defines a valid one ("valid email address"), with at least one dot in the domain.
    ///
    /// Only ASCII: lower-casing Unicode can make two addresses of different people equal (U+212A becomes `k`).
    ///
    /// # Errors
    /// A fault for anything else.
    pub fn parse(text: &str) -> Result<Email, Fault> {
        let address = text.trim().to_ascii_lowercase();
        let fault = || ("must be an email address, such as name@example.com".to_owned(), "email");
        let (local, domain) = address.rsplit_once('@').ok_or_else(fault)?;
        let local_is_valid = (1..=MAX_LOCAL).contains(&local.len())
            && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain_is_valid = domain.contains('.') && domain.split('.').all(is_label);
        if address.len() <= MAX_LENGTH && local_is_valid && domain_is_valid { Ok(Email(address)) } else { Err(fault()) }
    }

    /// The form in which a login name is looked up: an address, or the name of the default account, or nobody's.
    pub fn lookup_form(text: &str) -> String {
        text.trim().to_ascii_lowercase()
    }

    /// An address as it stands in the database.
    pub fn from_store(address: String) -> Email {
        Email(address)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(&self.0, |(local, _)| local)
    }
}

/// Tells an address apart without telling whose it is: `a***@example.com`.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(formatter, "{}***@{domain}", self.0.get(..1).unwrap_or_default())
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_without_regard_to_case_or_surrounding_space() {
        assert_eq!(Email::parse(" Ada@Example.COM\n").unwrap().as_str(), "ada@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "a.".repeat(130));
        for text in [
            "",
            "admin",
            "@example.com",
            "ada@",
            "ada@example",
            "ada@@example.com",
            "a b@example.com",
            "ada@exa mple.com",
            "ada@-example.com",
            "ada@example..com",
            ".ada@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "\u{212a}ate@example.com",
            "ada@ex\u{e4}mple.com",
            "ada\0@example.com",
            "\"ada\"@example.com",
            "ada@[127.0.0.1]",
            &long,
            &longer,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn unusual_addresses_are_accepted() {
        for text in ["a@b.co", "ada+tag@sub.example.com", "o'brien@example.com", "x_y-z@xn--bcher-kva.example"] {
            assert!(Email::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_log_cannot_tell_whose_address_it_is() {
        assert_eq!(format!("{:?}", Email::parse("ada@example.com").unwrap()), "a***@example.com");
    }
}
