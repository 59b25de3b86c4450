//! The mails, one function per mail. Their words are in `templates/`, one folder per mail.
//!
//! Links are built from `APP_URL`, never from a request. Both bodies use the same values. Names are chosen by strangers, and our
//! mail gives them credibility: see `shown_name`.

use std::fmt;

use askama::Template;
use form_urlencoded::Serializer;
use postern_macros::mail;

use super::{activity::Details, brand::Scheme};
use crate::{
    domain::{
        email::Email,
        email_change::UNDO_PERIOD,
        mail_job::{Activity, CodeMail},
    },
    error::Error,
    settings::Settings,
};

pub use crate::domain::mail_job::SecurityNotice;

/// A mail that is ready to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The kind of the mail, for the log: the name of its folder in `templates/`.
    pub kind: &'static str,
    /// The recipient.
    pub to: Email,
    /// The subject, without secrets and without text that a stranger chose.
    pub subject: String,
    /// The plain text body.
    pub text: String,
    /// The HTML body, which loads nothing.
    pub html: String,
}

/// Formats the kind and the masked address, without the content.
impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the mail {} to {:?}", self.kind, self.to)
    }
}

/// Who gets a mail, and what all its parts have in common. `mail!` puts the parts of a folder into it.
struct Envelope<'a> {
    settings: &'a Settings,
    to: &'a Email,
    /// The name in the greeting, if one can be shown.
    name: Option<&'a str>,
    /// What the mail is about, for notices.
    activity: Option<&'a Activity>,
}

impl<'a> Envelope<'a> {
    fn service(&self) -> &'a str {
        &self.settings.service_name
    }

    fn frame(&self, subject: &'a str) -> Frame<'a> {
        Frame {
            subject,
            service: self.service(),
            app_url: &self.settings.app_url,
            name: self.name.and_then(shown_name),
            details: self.activity.map(Details::of),
            light: Scheme::light(&self.settings.brand_color),
            dark: Scheme::dark(&self.settings.brand_color),
        }
    }

    fn message(&self, kind: &'static str, subject: String, text: String, html: String) -> Message {
        Message { kind, to: self.to.clone(), subject, text, html }
    }
}

/// The values that every body can use.
struct Frame<'a> {
    subject: &'a str,
    service: &'a str,
    app_url: &'a str,
    name: Option<&'a str>,
    details: Option<Details>,
    light: Scheme,
    dark: Scheme,
}

/// Returns the mail with the code that verifies an email address. The code is not in the subject, because locked phones show
/// subjects.
///
/// # Errors
/// [`Error::Internal`] if a template cannot be rendered, which does not happen with text as values. The same holds for every mail.
pub fn one_time_password(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    code: &str,
    lifetime_seconds: i64,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    let lifetime = &*duration(lifetime_seconds);
    mail!("one_time_password", envelope, code, lifetime)
}

/// Returns the mail with the link `<APP_URL>/reset-password?token=<JWT>`.
///
/// # Errors
/// As [`one_time_password`].
pub fn password_reset(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    token: &str,
    lifetime_seconds: i64,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    let link = &*link(settings, "/reset-password", &[("token", token)]);
    let lifetime = &*duration(lifetime_seconds);
    mail!("password_reset", envelope, link, lifetime)
}

/// Returns the mail with the link to set the first password of an account that an admin has created:
/// `<APP_URL>/reset-password?token=<JWT>`.
///
/// # Errors
/// As [`one_time_password`].
pub fn account_invitation(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    token: &str,
    lifetime_seconds: i64,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    let link = &*link(settings, "/reset-password", &[("token", token)]);
    let lifetime = &*duration(lifetime_seconds);
    mail!("account_invitation", envelope, link, lifetime)
}

/// Returns the mail with the link `<APP_URL>/signup?referrer=<token>&email=<email>`.
///
/// It greets without a name, because we do not know the invitee's. An `inviter` without a name that can be shown is "Someone".
///
/// # Errors
/// As [`one_time_password`].
pub fn invitation(
    settings: &Settings,
    to: &Email,
    inviter: &str,
    token: &str,
    expires_in_days: i64,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name: None, activity: None };
    let inviter = shown_name(inviter);
    let link = &*link(settings, "/signup", &[("referrer", token), ("email", to.as_str())]);
    let lifetime = &*duration(expires_in_days.saturating_mul(DAY));
    mail!("invitation", envelope, inviter: Option<&'a str>, link, lifetime)
}

/// Returns the mail with a code to sign in, and the link `<APP_URL>/signin#id=<id>&code=<code>&secret=<secret>`. What follows `#` stays
/// in the browser: it is in no log and in no request of a mail scanner.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_in_code(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    mail: &CodeMail,
    lifetime_seconds: i64,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    let (code, link, lifetime) = (&*mail.code, &*code_link(settings, "/signin", mail), &*duration(lifetime_seconds));
    mail!("sign_in_code", envelope, code, link, lifetime)
}

/// Like [`sign_in_code`], for an account whose email nobody has verified: the sign-in verifies it and ends what was set up before.
///
/// # Errors
/// As [`one_time_password`].
pub fn claim_code(settings: &Settings, to: &Email, mail: &CodeMail, lifetime_seconds: i64) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name: None, activity: None };
    let (code, link, lifetime) = (&*mail.code, &*code_link(settings, "/signin", mail), &*duration(lifetime_seconds));
    mail!("claim_code", envelope, code, link, lifetime)
}

/// Returns the mail with a code to sign up, and the link `<APP_URL>/signup#id=<id>&code=<code>&secret=<secret>`. It greets without a
/// name, because a stranger may have chosen it.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_up_code(settings: &Settings, to: &Email, mail: &CodeMail, lifetime_seconds: i64) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name: None, activity: None };
    let (code, link, lifetime) = (&*mail.code, &*code_link(settings, "/signup", mail), &*duration(lifetime_seconds));
    mail!("sign_up_code", envelope, code, link, lifetime)
}

/// Returns the mail to the owner of an account with whose email someone has tried to sign up, with a link to `<APP_URL>/signin`.
///
/// # Errors
/// As [`one_time_password`].
pub fn account_exists(settings: &Settings, to: &Email, name: Option<&str>) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    let link = &*link(settings, "/signin", &[]);
    mail!("account_exists", envelope, link)
}

/// Returns the mail with a code for a signed-in user who must confirm that it is them.
///
/// # Errors
/// As [`one_time_password`].
pub fn confirmation_code(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    mail: &CodeMail,
    lifetime_seconds: i64,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    let (code, lifetime) = (&*mail.code, &*duration(lifetime_seconds));
    mail!("confirmation_code", envelope, code, lifetime)
}

/// Returns the mail that says that an admin has approved a sign-up, with a link to `<APP_URL>/signin`.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_up_approved(settings: &Settings, to: &Email, name: Option<&str>) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    let link = &*link(settings, "/signin", &[]);
    mail!("sign_up_approved", envelope, link)
}

/// Returns the mail that says that an admin has rejected a sign-up.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_up_rejected(settings: &Settings, to: &Email, name: Option<&str>) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity: None };
    mail!("sign_up_rejected", envelope)
}

/// Returns the link of a mail with a code.
fn code_link(settings: &Settings, page: &str, mail: &CodeMail) -> String {
    let fragment = Serializer::new(String::new())
        .extend_pairs([("id", &mail.id), ("code", &mail.code), ("secret", &mail.secret)])
        .finish();
    format!("{}#{fragment}", link(settings, page, &[]))
}

/// Returns the mail with the code that confirms the new address of an account. It greets without a name and does not say whose account it
/// is, because the address may be that of a stranger.
///
/// # Errors
/// As [`one_time_password`].
pub fn email_change_code(settings: &Settings, to: &Email, code: &str, lifetime_seconds: i64) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name: None, activity: None };
    let lifetime = &*duration(lifetime_seconds);
    mail!("email_change_code", envelope, code, lifetime)
}

/// Returns the mail to the old address about a change that was asked for, with the link that stops it,
/// `<APP_URL>/undo-email-change#token=<token>`, and a code if one is needed. It does not name the new address, which a stranger may have
/// chosen.
///
/// # Errors
/// As [`one_time_password`].
pub fn email_change_notice(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    token: &str,
    code: Option<&str>,
    lifetime_seconds: i64,
    activity: Option<&Activity>,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity };
    let link = &*undo_link(settings, token);
    let lifetime = &*duration(lifetime_seconds);
    mail!("email_change_notice", envelope, link, code: Option<&'a str>, lifetime)
}

/// Returns the mail to the old address about a change that was made, with the link that undoes it, if it can be undone.
///
/// # Errors
/// As [`one_time_password`].
pub fn email_changed(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    token: Option<&str>,
    activity: Option<&Activity>,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity };
    let undo_link = token.map(|token| undo_link(settings, token));
    let undo_link = undo_link.as_deref();
    let lifetime = &*duration(UNDO_PERIOD / 1_000);
    mail!("email_changed", envelope, undo_link: Option<&'a str>, lifetime)
}

/// Returns the mail to the address that an account had until its change was undone.
///
/// # Errors
/// As [`one_time_password`].
pub fn email_change_undone(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    activity: Option<&Activity>,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity };
    mail!("email_change_undone", envelope)
}

/// Returns the link that stops or undoes a change. The token is in the fragment, which browsers send to no server.
fn undo_link(settings: &Settings, token: &str) -> String {
    format!("{}#token={token}", link(settings, "/undo-email-change", &[]))
}

/// Returns a notice about the security of an account, with links to `<APP_URL>/forgot-password` for an owner who did not do it, and to
/// `<APP_URL>/account`.
///
/// # Errors
/// As [`one_time_password`].
pub fn security_notice(
    settings: &Settings,
    to: &Email,
    name: Option<&str>,
    notice: &SecurityNotice,
    activity: Option<&Activity>,
) -> Result<Message, Error> {
    let envelope = Envelope { settings, to, name, activity };
    let (link, account) = (&*link(settings, "/forgot-password", &[]), &*link(settings, "/account", &[]));
    match notice {
        SecurityNotice::NewDevice => mail!("new_device", envelope, link, account),
        SecurityNotice::PasswordChanged => mail!("password_changed", envelope, link, account),
        SecurityNotice::PasswordRemoved => mail!("password_removed", envelope, link, account),
        SecurityNotice::PasskeyAdded { passkey } => {
            let passkey = shown_name(passkey);
            mail!("passkey_added", envelope, link, account, passkey: Option<&'a str>)
        }
        SecurityNotice::PasskeyRemoved { passkey } => {
            let passkey = shown_name(passkey);
            mail!("passkey_removed", envelope, link, account, passkey: Option<&'a str>)
        }
        SecurityNotice::IdentityLinked { provider } => {
            let provider = shown_name(provider);
            mail!("identity_linked", envelope, link, account, provider: Option<&'a str>)
        }
        SecurityNotice::IdentityUnlinked { provider } => {
            let provider = shown_name(provider);
            mail!("identity_unlinked", envelope, link, account, provider: Option<&'a str>)
        }
        SecurityNotice::TotpAdded => mail!("totp_added", envelope, link, account),
        SecurityNotice::TotpRemoved => mail!("totp_removed", envelope, link, account),
        SecurityNotice::SecondFactorRequired => mail!("second_factor_required", envelope, link, account),
        SecurityNotice::SecondFactorRemoved => mail!("second_factor_removed", envelope, link, account),
        SecurityNotice::RecoveryCodesReplaced => mail!("recovery_codes_replaced", envelope, link, account),
        &SecurityNotice::RecoveryCodeUsed { left } => {
            mail!("recovery_code_used", envelope, link, account, left: i64)
        }
        SecurityNotice::SecondFactorsReset => mail!("second_factors_reset", envelope, link, account),
    }
}

fn rendered(template: &impl Template) -> Result<String, Error> {
    template.render().map_err(|error| Error::Internal(format!("a mail cannot be rendered: {error}")))
}

/// Returns the name if a mail can show it.
///
/// Mail programs turn text that looks like a link into a link, and an invitation carries words of its sender's choice to an address
/// of the sender's choice. So a name is not shown if it could be read as a link or an address (it contains `.`, `/`, `:`, `@`, `\`
/// or a character that Unicode treats as one of them, or "www"), as a phone number or a code (six or more digits), or if it could
/// reorder or break its line (bidirectional controls, line separators).
pub fn shown_name(name: &str) -> Option<&str> {
    let name = name.trim();
    let misleading = |character: char| {
        character.is_control()
            || matches!(character, '.' | '/' | ':' | '@' | '\\')
            // Characters that UTS 46 (host names) and mail programs treat as `.`, then those for `/`, `:`, `@`, `\`.
            || matches!(character, '\u{2024}' | '\u{3002}' | '\u{fe52}' | '\u{ff0e}' | '\u{ff61}')
            || matches!(character, '\u{2044}' | '\u{2215}' | '\u{fe55}' | '\u{fe68}' | '\u{fe6b}')
            || matches!(character, '\u{ff0f}' | '\u{ff1a}' | '\u{ff20}' | '\u{ff3c}')
            // Line separators; bidirectional controls.
            || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let digits = name.chars().filter(|character| character.is_numeric()).count();
    let shown =
        !name.is_empty() && !name.contains(misleading) && digits < 6 && !name.to_ascii_lowercase().contains("www");
    shown.then_some(name)
}

/// Returns the URL of a page of the app. Parameters are percent-encoded; a JWT needs no encoding.
fn link(settings: &Settings, path: &str, parameters: &[(&str, &str)]) -> String {
    let page = format!("{}{path}", settings.app_url);
    if parameters.is_empty() {
        return page;
    }
    format!("{page}?{}", Serializer::new(String::new()).extend_pairs(parameters).finish())
}

/// Seconds in a day.
const DAY: i64 = 86_400;

/// Formats a lifetime, rounded down, so that nothing expires earlier than a mail says.
fn duration(seconds: i64) -> String {
    let units = [(DAY, "day"), (3_600, "hour"), (60, "minute")];
    // "90 seconds", not "1 minute": a single unit must be exact.
    let (length, unit) =
        units.into_iter().find(|(length, _)| seconds == *length || seconds >= 2 * length).unwrap_or((1, "second"));
    let amount = seconds / length;
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::examples::{CODE, examples};

    fn settings() -> Settings {
        Settings::read(|name| {
            let value = match name {
                "AUTH_SECRET" => "0123456789abcdef0123456789abcdef",
                "APP_URL" => "https://app.example/base",
                "MAIL_FROM" => "Postern <noreply@app.example>",
                "RESEND_API_KEY" => "re_key",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap()
    }

    fn to() -> Email {
        Email::parse("grace+test@example.com").unwrap()
    }

    /// Returns every mail, with `name` in every place for a name.
    fn every_mail(name: &str) -> Vec<Message> {
        examples(&settings(), &to(), name).unwrap()
    }

    const UNDO_LINK: &str =
        "https://app.example/base/undo-email-change#token=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_";

    /// Returns the text that an HTML body shows, without its head and preview.
    fn visible(html: &str) -> String {
        let (_, body) = html.split_once("<h1").unwrap();
        let text: String = body.split('<').filter_map(|tag| tag.split_once('>')).map(|(_, text)| text).collect();
        text.replace("&#38;", "&").replace("&#39;", "'")
    }

    /// Returns every word of six digits, like `\b\d{6}\b`.
    fn codes(text: &str) -> Vec<&str> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
            .collect()
    }

    fn links(text: &str) -> Vec<&str> {
        text.split(|c: char| c.is_whitespace() || "\"<>".contains(c)).filter(|word| word.contains("://")).collect()
    }

    #[test]
    fn text_and_html_of_every_mail_carry_the_same_facts() {
        let facts: [&[&str]; 31] = [
            &["Hello Ada Lovelace,", CODE, "10 minutes", "works once", "If you did not request a code", "ignore"],
            &[
                "Hello Ada Lovelace,",
                "https://app.example/base/reset-password?token=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_",
                "15 minutes",
                "works once",
                "If this was not you",
                "Your password stays the same",
            ],
            &[
                "Hello Ada Lovelace,",
                "An admin of Postern has created an account for you",
                "https://app.example/base/reset-password?token=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_",
                "7 days",
                "works once",
            ],
            &[
                "Hello,",
                "Ada Lovelace has invited you to join Postern",
                "https://app.example/base/signup?referrer=k3yK3yK3y0&email=grace%2Btest%40example.com",
                "90 days",
                "ignore",
            ],
            &["Hello Ada Lovelace,", CODE, "https://app.example/base/signin#id=", "10 minutes", "works once", "ignore"],
            &[
                "Hello,",
                CODE,
                "https://app.example/base/signin#id=",
                "Nobody has verified this email address",
                "10 minutes",
                "works once",
                "ignore",
            ],
            &["Hello,", CODE, "https://app.example/base/signup#id=", "10 minutes", "works once", "ignore"],
            &["already has an account", "sign in instead", "https://app.example/base/signin", "Nothing was changed"],
            &["Hello Ada Lovelace,", "confirm that it is you", CODE, "10 minutes", "Set a new password"],
            &["has approved your Postern account", "https://app.example/base/signin"],
            &["An admin declined your request", "we deleted your data"],
            &["Someone signed in", "from a new device", "Device: Firefox on Windows", "reset your password now"],
            &[
                "Hello Ada Lovelace,",
                "was changed",
                "If this was not you",
                "https://app.example/base/forgot-password",
                "signs out everyone",
            ],
            &["was removed", "sign in with a passkey", "https://app.example/base/account"],
            &["The passkey \u{201c}Ada Lovelace\u{201d} was added", "remove passkeys"],
            &["The passkey \u{201c}Ada Lovelace\u{201d} was removed"],
            &["sign in with your Ada Lovelace account", "linked accounts", "https://app.example/base/account"],
            &["no longer sign in with your Ada Lovelace account"],
            &["takes a code from your authenticator app", "If this was you, you do not need to do anything."],
            &["no longer accepts codes from your authenticator app"],
            &["takes a second step"],
            &["A password alone is enough again"],
            &["The old ones no longer work"],
            &["with a recovery code", "You have 1 recovery code left", "create new ones"],
            &["An admin has removed the authenticator app", "set them up again"],
            &["Hello,", CODE, "10 minutes", "works once", "the new email address", "If you did not request a code"],
            &[
                "Hello Ada Lovelace,",
                "asked to change",
                "If this was you, you do not need",
                UNDO_LINK,
                "change your password",
            ],
            &["asked to change", CODE, "10 minutes", "If this was not you, undo the change", UNDO_LINK],
            &["was changed", "you do not need to do anything", UNDO_LINK, "7 days", "removes the password"],
            &["was changed", "If this was not you, ask an admin"],
            &["was undone", "everyone was signed out", "If you did not expect this"],
        ];
        let mails = every_mail("Ada Lovelace");
        assert_eq!(mails.len(), facts.len());
        for (mail, facts) in mails.iter().zip(facts) {
            let html = visible(&mail.html);
            for fact in facts {
                assert!(mail.text.contains(fact), "{fact:?} is not in the text of {mail:?}:\n{}", mail.text);
                assert!(html.contains(fact), "{fact:?} is not in the HTML of {mail:?}:\n{html}");
            }
        }
    }

    #[test]
    fn every_security_notice_says_when_and_from_where_and_no_other_mail_does() {
        let (notices, others): (Vec<_>, Vec<_>) =
            every_mail("Ada").into_iter().partition(|mail| mail.text.contains("When: November 28, 2026, 13:40 UTC"));
        for mail in &notices {
            for fact in ["When: ", "Device: Firefox on Windows", "Place: Berlin, Germany (approximate)"] {
                assert!(mail.text.lines().any(|line| line.starts_with(fact)), "{fact:?} is not in {}", mail.text);
                assert!(visible(&mail.html).contains(fact), "{fact:?} is not in the HTML of {mail:?}");
            }
        }
        let kinds = |mails: &[Message]| mails.iter().map(|mail| mail.kind).collect::<Vec<_>>();
        assert_eq!(notices.len(), 19, "{:?}", kinds(&notices));
        assert!(others.iter().all(|mail| !mail.text.contains("Device: ")), "{:?}", kinds(&others));
    }

    #[test]
    fn a_notice_without_a_known_device_and_place_says_only_when() {
        let notice = |activity: Option<&Activity>| {
            let notice = SecurityNotice::PasswordChanged;
            security_notice(&settings(), &to(), None, &notice, activity).unwrap()
        };
        let mail = notice(Some(&Activity::at(0)));
        assert!(
            mail.text.contains("anything.\n\nWhen: January 1, 1970, 00:00 UTC\n\nIf this was not"),
            "{}",
            mail.text
        );
        assert!(visible(&mail.html).contains("When: January 1, 1970, 00:00 UTC"));
        for absent in ["Device:", "Place:"] {
            assert!(!mail.text.contains(absent) && !mail.html.contains(absent));
        }
        // An earlier version has queued it.
        let mail = notice(None);
        assert!(mail.text.contains("anything.\n\nIf this was not"), "{}", mail.text);
        assert!(!mail.html.contains("When:"));
    }

    #[test]
    fn a_link_in_the_text_stands_on_a_line_of_its_own_and_no_other_line_is_long() {
        for mail in every_mail("Ada Lovelace") {
            for line in mail.text.lines() {
                let is_link = links(line) == [line];
                assert!(is_link || (!line.contains("://") && line.chars().count() <= 78), "{line}");
            }
            assert!(
                !mail.text.contains("\n\n\n") && mail.text.ends_with(|c: char| !c.is_whitespace()),
                "{}",
                mail.text
            );
        }
    }

    #[test]
    fn every_link_comes_from_the_app_url() {
        for mail in every_mail("Ada") {
            for link in links(&mail.text).into_iter().chain(links(&mail.html)) {
                assert!(link.starts_with("https://app.example/base"), "{link} is in {mail:?}");
            }
            assert_eq!(
                mail.html.matches("href=").count(),
                mail.html.matches("href=\"https://app.example/base").count()
            );
            for loaded in ["src=", "url(", "@import", "<img", "<link", "<script", "background="] {
                assert!(!mail.html.contains(loaded), "{loaded} is in {mail:?}");
            }
        }
    }

    #[test]
    fn a_button_always_has_its_link_beside_it_in_words() {
        for mail in every_mail("Ada").iter().filter(|mail| mail.html.contains("class=\"button\"")) {
            let link = links(&mail.text)[0].replace('&', "&#38;");
            assert_eq!(mail.html.matches(&format!("href=\"{link}\"")).count(), 2, "{mail:?}");
            assert!(mail.html.contains(&format!(">{link}</a>")), "{mail:?}");
        }
    }

    #[test]
    fn every_link_and_code_of_a_mail_can_be_read_in_both_bodies() {
        // The footer shows the name of the service instead of this link.
        let footer = "https://app.example/base";
        for mail in every_mail("Ada") {
            let html = visible(&mail.html);
            for fact in links(&mail.text).into_iter().filter(|link| *link != footer).chain(codes(&mail.text)) {
                assert!(html.contains(fact), "{fact} is not in the HTML of {mail:?}");
            }
            for link in mail.html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(mail.text.contains(&link.replace("&#38;", "&")), "{link} is not in the text of {mail:?}");
            }
        }
    }

    #[test]
    fn links_and_buttons_have_the_brand_color() {
        let brand = Settings { brand_color: "#7a1fa2".to_owned(), ..settings() };
        let mail = password_reset(&brand, &to(), None, "token", 900).unwrap();
        for style in ["background-color:rgb(122,31,162);color:rgb(255,255,255)", "style=\"color:rgb(122,31,162)"] {
            assert!(mail.html.contains(style), "{style} is not in {}", mail.html);
        }
    }

    #[test]
    fn a_name_with_markup_is_shown_as_it_is_written_and_does_nothing() {
        for mail in every_mail("<script>alert(1)<b a=\"'&") {
            // These greet without a name, because they may reach a stranger.
            if ["claim_code", "sign_up_code", "email_change_code"].contains(&mail.kind) {
                assert!(!mail.html.contains("alert"), "{}", mail.html);
                continue;
            }
            assert!(!mail.html.contains("<script") && !mail.html.contains("<b "), "{}", mail.html);
            assert!(mail.html.contains("&#60;script&#62;alert(1)&#60;b a=&#34;&#39;&#38;"), "{}", mail.html);
        }
    }

    #[test]
    fn a_name_that_looks_like_a_link_is_in_no_mail() {
        for name in ["Visit evil.example", "http//evil", "evil\u{3002}example", "WWW evil", "call 0800 123 456"] {
            for mail in every_mail(name) {
                for part in [&mail.subject, &mail.text, &mail.html] {
                    assert!(!part.contains(name), "{name:?} is in {mail:?}");
                }
                let greeting = if mail.kind == "invitation" { "\nSomeone has invited you" } else { "Hello,\n" };
                assert!(mail.text.contains(greeting), "{}", mail.text);
            }
        }
    }

    #[test]
    fn names_of_people_are_shown_and_names_of_places_on_the_net_are_not() {
        for name in ["Ada", "Åsa Öberg-Müller", "O'Brien", "李小龙", "عمر", "Louis XIV", "Agent 007", "  Ada  "]
        {
            assert_eq!(shown_name(name), Some(name.trim()));
        }
        for name in [
            "",
            "  ",
            "evil.example",
            "a/b",
            "a:b",
            "a@b",
            "a\\b",
            "www",
            "wWw x",
            "evil\u{ff0e}example",
            "a\u{2028}b",
            "\u{202e}elpmaxe",
            "a\nb",
            "271828",
            "2 7 1 8 2 8",
            "\u{ff12}\u{ff17}\u{ff11}\u{ff18}\u{ff12}\u{ff18}",
        ] {
            assert_eq!(shown_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_code_is_found_in_both_bodies_alone_and_not_in_the_subject() {
        let is_with_code = |mail: &&Message| mail.html.contains("class=\"code\"");
        let mails = every_mail("Agent 27182");
        assert_eq!(
            mails.iter().filter(is_with_code).map(|mail| mail.kind).collect::<Vec<_>>(),
            [
                "one_time_password",
                "sign_in_code",
                "claim_code",
                "sign_up_code",
                "confirmation_code",
                "email_change_code",
                "email_change_notice"
            ]
        );
        for mail in &mails {
            for part in [&mail.text, &mail.html] {
                // A link may have the code too.
                let found = codes(part);
                assert!(found.iter().all(|code| *code == CODE) && found.is_empty() != is_with_code(&mail), "{mail:?}");
            }
            let (preview, _) = mail.html.split_once("role=\"article\"").unwrap();
            assert!(!mail.subject.contains(CODE) && !preview.contains(CODE), "{mail:?}");
        }
    }

    #[test]
    fn a_subject_holds_no_secret_and_nothing_that_a_stranger_chose() {
        let subjects: Vec<String> = every_mail("Mallory").into_iter().map(|mail| mail.subject).collect();
        assert_eq!(
            subjects,
            [
                "Your verification code for Postern",
                "Reset your Postern password",
                "Set up your Postern account",
                "You are invited to Postern",
                "Your sign-in code for Postern",
                "Your sign-in code for Postern",
                "Your sign-up code for Postern",
                "You already have a Postern account",
                "Your confirmation code for Postern",
                "Your Postern account is ready",
                "Your request to join Postern",
                "New sign-in to your Postern account",
                "Your Postern password was changed",
                "Your Postern password was removed",
                "A passkey was added to your Postern account",
                "A passkey was removed from your Postern account",
                "A new way to sign in to your Postern account",
                "A way to sign in to your Postern account was removed",
                "An authenticator app was added to your Postern account",
                "The authenticator app was removed from your Postern account",
                "Your Postern account now needs a second step",
                "Your Postern account no longer needs a second step",
                "You have new Postern recovery codes",
                "A recovery code for your Postern account was used",
                "An admin has reset the second factors of your Postern account",
                "Confirm your new email address for Postern",
                "Someone asked to change the email address of your Postern account",
                "Someone asked to change the email address of your Postern account",
                "The email address of your Postern account was changed",
                "The email address of your Postern account was changed",
                "The change of your Postern email address was undone",
            ]
        );
    }

    #[test]
    fn no_mail_shows_the_syntax_of_a_template() {
        for mail in every_mail("Ada") {
            for part in [&mail.subject, &mail.text, &mail.html] {
                for syntax in ["{{", "}}", "{%", "%}", "{#", "#}"] {
                    assert!(!part.contains(syntax), "{syntax} is in {mail:?}");
                }
            }
        }
    }

    #[test]
    fn every_html_body_is_one_accessible_page_for_light_and_dark() {
        for mail in every_mail("Ada") {
            assert_eq!(mail.html.matches("<h1").count(), 1);
            for part in [
                "<html lang=\"en\"",
                "<meta charset=\"utf-8\">",
                "<meta name=\"viewport\"",
                "<meta name=\"color-scheme\" content=\"light dark\">",
                "@media (prefers-color-scheme: dark)",
            ] {
                assert!(mail.html.contains(part), "{part} is not in {mail:?}");
            }
            // Every colored class of the light design has a dark counterpart.
            for class in mail.html.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(mail.html.contains(&format!("  .{class} {{")), "{class}");
            }
            assert!(mail.html.len() < 8_000, "{} bytes", mail.html.len());
        }
    }

    #[test]
    fn the_log_learns_the_kind_of_a_mail_and_neither_address_nor_content() {
        let code = every_mail("Ada").remove(0);
        assert_eq!(format!("{code:?}"), "the mail one_time_password to g***@example.com");
    }

    #[test]
    fn a_lifetime_is_said_in_words_and_never_longer_than_it_is() {
        let said = [1, 60, 90, 119, 120, 150, 600, 900, 3_600, 5_400, 9_000, 86_400, 604_800].map(duration);
        assert_eq!(
            said,
            [
                "1 second",
                "1 minute",
                "90 seconds",
                "119 seconds",
                "2 minutes",
                "2 minutes",
                "10 minutes",
                "15 minutes",
                "1 hour",
                "90 minutes",
                "2 hours",
                "1 day",
                "7 days",
            ]
        );
    }
}
