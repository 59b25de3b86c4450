//! Email addresses.

use std::{borrow::Cow, fmt};

use idna::AsciiDenyList;

use super::text;
use crate::{error::Fault, language::Phrase};

/// An email address in the form in which it is stored and compared: trimmed, in lower case, an internationalized domain in its ASCII
/// form (`xn--…`). Its `Debug` hides most of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// The maximum lengths of the whole address and of the part before the `@`, in bytes (RFC 5321, section 4.5.3.1).
const MAX_LENGTH: usize = 254;
const MAX_LOCAL: usize = 64;
/// The maximum length of a part of the domain, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;
/// The maximum length of a domain before its conversion to ASCII, in bytes: [`MAX_LENGTH`] characters.
const MAX_UNICODE_DOMAIN: usize = 4 * MAX_LENGTH;

impl Email {
    /// Parses an address by the HTML standard's definition of a "valid email address", with at least one dot in the domain.
    /// White space and invisible characters around it are ignored.
    ///
    /// Before the `@` only ASCII is accepted, because converting Unicode to lower case can turn one user's address into another's
    /// (U+212A becomes `k`). All spellings of a domain have the same owner, so it is converted to the form that mail servers look up.
    ///
    /// # Errors
    /// If it is not a valid address.
    pub fn parse(text: &str) -> Result<Email, Fault> {
        Email::read(text).ok_or((Phrase::Email, "email"))
    }

    fn read(text: &str) -> Option<Email> {
        let (local, domain) = text::trim(text).rsplit_once('@')?;
        let local_is_valid = (1..=MAX_LOCAL).contains(&local.len())
            && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain = ascii_domain(domain)?;
        let address = format!("{local}@{domain}").to_ascii_lowercase();
        (address.len() <= MAX_LENGTH && local_is_valid && is_domain(&domain)).then_some(Email(address))
    }

    /// Wraps an address from the database.
    pub fn from_store(address: String) -> Email {
        Email(address)
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(&self.0, |(local, _)| local)
    }

    /// Returns the part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// What a user types to log in: an email, or the name of the default account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginName(String);

impl LoginName {
    /// Accepts any text. What is not an email address is trimmed and converted to lower case.
    pub fn new(text: &str) -> LoginName {
        LoginName(Email::read(text).map_or_else(|| text::trim(text).to_ascii_lowercase(), |email| email.0))
    }

    /// Returns the form in which accounts are looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hides most of the address: `a***@example.com`.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(formatter, "{}***@{domain}", self.0.get(..1).unwrap_or_default())
    }
}

/// The sender of a mail: an address, with or without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name that mail programs show. Not empty, without control characters.
    pub name: Option<String>,
    /// The address.
    pub address: Email,
}

impl Sender {
    /// Parses `Name <address>`, `"Name" <address>` or an address alone.
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

/// Formats it by RFC 5322, section 3.4: `Name <address>`, the name in quotes if necessary. Characters beyond ASCII are not encoded,
/// because providers do that.
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

/// Converts a domain to ASCII by UTS 46, without transitional processing (`ß` stays `ß`).
///
/// A domain that is already ASCII stays as it is. UTS 46 would only refuse some of them: `xn--` labels that no Unicode label maps to.
/// Existing users can have such a domain, and it equals no other domain.
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    if domain.is_ascii() {
        return Some(Cow::Borrowed(domain));
    }
    // The time of the conversion is quadratic in the length.
    if domain.len() > MAX_UNICODE_DOMAIN {
        return None;
    }
    idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3).ok()
}

/// Returns a domain in the form in which addresses are stored: in ASCII and in lower case. `None` if it is not a domain.
pub fn canonical_domain(text: &str) -> Option<String> {
    let domain = ascii_domain(text)?.to_ascii_lowercase();
    is_domain(&domain).then_some(domain)
}

/// Returns whether the text is a host name with a dot, such as `mail.example.com`: letters, digits and hyphens.
pub fn is_domain(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_label)
}

/// Returns whether `label` is a part of a host name (RFC 1123, section 2.1).
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
    fn an_invalid_address_is_refused() {
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
            "ad\u{e4}@example.com",
            "\u{ff41}da@example.com",
            "a\u{200b}da@example.com",
            "ada\u{ff20}example.com",
            "ada@ex\u{ff20}mple.com",
            "ada@m\u{fc}ller",
            "ada@m\u{fc}ller..example",
            "ada@m\u{fc}ller_.example",
            "ada@\u{2603}\u{fffd}.example",
            "ada@xn--a.m\u{fc}ller.example",
            "ada@m\u{fc}ller\u{ff0f}x.example",
            &format!("ada@{}.example", "\u{fc}".repeat(64)),
            &format!("ada@{}.example", "\u{fc}.".repeat(8_000)),
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
    fn all_spellings_of_an_internationalized_domain_have_the_same_form() {
        for (text, ascii) in [
            ("ada@m\u{fc}ller.example", "ada@xn--mller-kva.example"),
            ("Ada@M\u{dc}LLER.Example", "ada@xn--mller-kva.example"),
            ("ada@mu\u{308}ller.example", "ada@xn--mller-kva.example"),
            ("ada@XN--MLLER-KVA.example", "ada@xn--mller-kva.example"),
            ("ada@m\u{fc}\u{ad}ller.example", "ada@xn--mller-kva.example"),
            ("ada@stra\u{df}e.example", "ada@xn--strae-oqa.example"),
            ("ada@\u{4f8b}\u{3048}\u{3002}\u{30c6}\u{30b9}\u{30c8}", "ada@xn--r8jz45g.xn--zckzah"),
            ("ada@\u{ff45}\u{ff58}ample\u{ff0e}com", "ada@example.com"),
            ("ada@\u{212a}elvin.example", "ada@kelvin.example"),
            ("\u{feff}ada@example.com\u{200b} ", "ada@example.com"),
        ] {
            assert_eq!(Email::parse(text).map(|email| email.0).as_deref(), Ok(ascii), "{text:?}");
            assert_eq!(LoginName::new(text).as_str(), ascii);
            assert_eq!(Email::parse(ascii).unwrap().as_str(), ascii);
        }
    }

    #[test]
    fn an_address_that_was_accepted_earlier_is_still_found() {
        // UTS 46 refuses these, but they were accepted before domains were converted.
        for text in ["ada@xn--a.example", "ada@xn--mller-kva-.xn--.example", "ada@ab--cd.example"] {
            assert_eq!(LoginName::new(text).as_str(), text);
        }
        assert_eq!(Email::parse("ada@xn--a.example").unwrap().as_str(), "ada@xn--a.example");
        assert_eq!(LoginName::new(" Admin ").as_str(), "admin");
        assert_eq!(LoginName::new("\u{212a}ate@example.com").as_str(), "\u{212a}ate@example.com");
    }

    #[test]
    fn unusual_addresses_are_accepted() {
        for text in ["a@b.co", "ada+tag@sub.example.com", "o'brien@example.com", "x_y-z@xn--bcher-kva.example"] {
            assert!(Email::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn the_debug_output_hides_the_address() {
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
    fn an_invalid_sender_is_refused() {
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
