//! Email addresses.

use std::fmt;

use serde_json::json;
use utoipa::openapi::{Object, ObjectBuilder, Type};

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
        let is_address = address.len() <= MAX_LENGTH && local_is_valid && is_domain(domain);
        if is_address { Ok(Email(address)) } else { Err(fault()) }
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

/// What clients are told of an address that they send.
pub fn schema() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("An email address, in any case, with or without spaces around it."))
        .examples([json!("ada@example.com")])
        .build()
}

/// Tells an address apart without telling whose it is: `a***@example.com`.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(formatter, "{}***@{domain}", self.0.get(..1).unwrap_or_default())
    }
}

/// Who a mail is from: an address, and perhaps a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// What mail programs show: not empty, without control characters.
    pub name: Option<String>,
    /// The address.
    pub address: Email,
}

impl Sender {
    /// Reads `Name <address>`, `"Name" <address>` or an address alone.
    pub fn parse(text: &str) -> Option<Sender> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(named) => named.rsplit_once('<')?,
            None => ("", text),
        };
        let name = name.trim();
        let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = quoted.map_or_else(|| name.to_owned(), |name| name.replace("\\\"", "\"").replace("\\\\", "\\"));
        let name = name.trim();
        let address = Email::parse(address).ok().filter(|_| !name.contains(char::is_control))?;
        Some(Sender { name: (!name.is_empty()).then(|| name.to_owned()), address })
    }
}

/// In the form of RFC 5322, section 3.4: `Name <address>`, the name in quotes where it must be. Letters beyond ASCII
/// stay as they are: providers encode them.
impl fmt::Display for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_str();
        match &self.name {
            None => formatter.write_str(address),
            Some(name) if name.contains(|c: char| "()<>[]:;@\\,.\"".contains(c)) => {
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                write!(formatter, "\"{name}\" <{address}>")
            }
            Some(name) => write!(formatter, "{name} <{address}>"),
        }
    }
}

/// Whether this is a name of a host with a dot in it, such as `mail.example.com`: letters, digits and hyphens.
pub fn is_domain(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_label)
}

/// Whether `label` is one part of a host name (RFC 1123, section 2.1).
pub(super) fn is_label(label: &str) -> bool {
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

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (text, name, written) in [
            ("noreply@example.com", None, "noreply@example.com"),
            (" <noreply@example.com> ", None, "noreply@example.com"),
            ("Example <noreply@example.com>", Some("Example"), "Example <noreply@example.com>"),
            ("\" Example \" <noreply@example.com>", Some("Example"), "Example <noreply@example.com>"),
            ("Käse & Co <noreply@example.com>", Some("Käse & Co"), "Käse & Co <noreply@example.com>"),
            ("Acme, Inc. <noreply@example.com>", Some("Acme, Inc."), "\"Acme, Inc.\" <noreply@example.com>"),
            (r#""Acme \"42\"" <noreply@example.com>"#, Some("Acme \"42\""), r#""Acme \"42\"" <noreply@example.com>"#),
        ] {
            let sender = Sender::parse(text).unwrap();
            assert_eq!((sender.name.as_deref(), sender.address.as_str()), (name, "noreply@example.com"), "{text}");
            assert_eq!(sender.to_string(), written);
            assert_eq!(Sender::parse(written), Some(sender));
        }
    }

    #[test]
    fn what_names_no_one_sender_is_refused() {
        for text in [
            "",
            "Example",
            "Example <>",
            "Example noreply@example.com",
            "<noreply@example.com",
            "Example <noreply@example.com> again",
            "a@example.com, b@example.com",
            "Example\r\nBcc: eve@example.com <noreply@example.com>",
        ] {
            assert_eq!(Sender::parse(text), None, "{text:?}");
        }
    }
}
