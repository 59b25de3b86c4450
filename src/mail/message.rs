//! The mails, one function per mail: its values, and the keys of its sentences in the catalogues (`src/language`).
//!
//! Links are built from `APP_URL`, never from a request. Names are chosen by strangers, and our mail gives them credibility: see
//! `shown_name`.

use std::fmt;

use form_urlencoded::Serializer;

use super::compose::Draft;
use crate::{
    domain::{
        email::Email,
        email_change::UNDO_PERIOD,
        mail_job::{Activity, CodeMail},
    },
    error::Error,
    language::Language,
    settings::Settings,
};

pub use super::compose::Recipient;
pub use crate::domain::mail_job::SecurityNotice;

/// A mail that is ready to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The kind of the mail, for the log: a part of the keys of its sentences, `mail.<kind>.subject`.
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

/// Returns the mail with the code that verifies an email address. The code is not in the subject, because locked phones show
/// subjects.
///
/// # Errors
/// [`Error::Internal`] if the template cannot be rendered, which does not happen with text as values. The same holds for every mail.
pub fn one_time_password(to: Recipient<'_>, code: &str, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to, "one_time_password", "mail.one_time_password.title", "mail.code_preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.one_time_password.text"])
        .code(code)
        .text(&["mail.code_valid"])
        .soft("mail.ignore_code")
        .finish()
}

/// Returns the mail with the link `<APP_URL>/reset-password?token=<token>`.
///
/// # Errors
/// As [`one_time_password`].
pub fn password_reset(to: Recipient<'_>, token: &str, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to, "password_reset", "mail.password_reset.title", "mail.password_reset.preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.password_reset.text"])
        .button("mail.password_reset.button", reset_link(to.settings, token))
        .text(&["mail.password_reset.valid"])
        .soft("mail.password_reset.ignore")
        .finish()
}

/// Returns the mail with the link to set the first password of an account that an admin has created:
/// `<APP_URL>/reset-password?token=<token>`.
///
/// # Errors
/// As [`one_time_password`].
pub fn account_invitation(to: Recipient<'_>, token: &str, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to, "account_invitation", "mail.account_invitation.subject", "mail.account_invitation.preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.account_invitation.text"])
        .button("mail.account_invitation.button", reset_link(to.settings, token))
        .text(&["mail.account_invitation.valid"])
        .soft("mail.account_invitation.ignore")
        .finish()
}

/// Returns the mail with the link `<APP_URL>/signup?referrer=<token>&email=<email>`.
///
/// It greets without a name, because we do not know the invitee's. An `inviter` without a name that can be shown is not named.
///
/// # Errors
/// As [`one_time_password`].
pub fn invitation(to: Recipient<'_>, inviter: &str, token: &str, expires_in_days: i64) -> Result<Message, Error> {
    let link = link(to.settings, "/signup", &[("referrer", token), ("email", to.to.as_str())]);
    let draft = Draft::new(to.unnamed(), "invitation", "mail.invitation.subject", "mail.invitation.valid")
        .words("lifetime", duration(to.language, expires_in_days.saturating_mul(DAY)));
    let draft = match shown_name(inviter) {
        Some(inviter) => draft.name("inviter", inviter).text(&["mail.invitation.text"]),
        None => draft.text(&["mail.invitation.text_unnamed"]),
    };
    draft
        .button("mail.invitation.button", link)
        .text(&["mail.invitation.valid"])
        .soft("mail.invitation.ignore")
        .finish()
}

/// Returns the mail with a code to sign in, and the link `<APP_URL>/signin#id=<id>&code=<code>&secret=<secret>`. What follows `#` stays
/// in the browser: it is in no log and in no request of a mail scanner.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_in_code(to: Recipient<'_>, mail: &CodeMail, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to, "sign_in_code", "mail.sign_in", "mail.code_preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.sign_in_code.text"])
        .code(&mail.code)
        .text(&["mail.or_link"])
        .button("mail.sign_in", code_link(to.settings, "/signin", mail))
        .text(&["mail.code_valid"])
        .soft("mail.ignore_sign_in")
        .finish()
}

/// Like [`sign_in_code`], for an account whose email nobody has verified: the sign-in verifies it and ends what was set up before. It
/// greets without a name, because a stranger may have chosen it.
///
/// # Errors
/// As [`one_time_password`].
pub fn claim_code(to: Recipient<'_>, mail: &CodeMail, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to.unnamed(), "claim_code", "mail.sign_in", "mail.code_preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.sign_in_code.text"])
        .code(&mail.code)
        .text(&["mail.or_link"])
        .button("mail.sign_in", code_link(to.settings, "/signin", mail))
        .text(&["mail.claim_code.warning"])
        .text(&["mail.code_valid"])
        .soft("mail.ignore_sign_in")
        .finish()
}

/// Returns the mail with a code to sign up, and the link `<APP_URL>/signup#id=<id>&code=<code>&secret=<secret>`. It greets without a
/// name, because a stranger may have chosen it.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_up_code(to: Recipient<'_>, mail: &CodeMail, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to.unnamed(), "sign_up_code", "mail.sign_up_code.title", "mail.code_preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.sign_up_code.text"])
        .code(&mail.code)
        .text(&["mail.or_link"])
        .button("mail.sign_up_code.button", code_link(to.settings, "/signup", mail))
        .text(&["mail.code_valid"])
        .soft("mail.sign_up_code.ignore")
        .finish()
}

/// Returns the mail to the owner of an account with whose email someone has tried to sign up, with a link to `<APP_URL>/signin`.
///
/// # Errors
/// As [`one_time_password`].
pub fn account_exists(to: Recipient<'_>) -> Result<Message, Error> {
    Draft::new(to, "account_exists", "mail.account_exists.title", "mail.account_exists.preview")
        .text(&["mail.account_exists.text"])
        .text(&["mail.account_exists.instead"])
        .button("mail.sign_in", link(to.settings, "/signin", &[]))
        .text(&["mail.account_exists.forgotten"])
        .soft("mail.account_exists.ignore")
        .finish()
}

/// Returns the mail with a code for a signed-in user who must confirm that it is them.
///
/// # Errors
/// As [`one_time_password`].
pub fn confirmation_code(to: Recipient<'_>, mail: &CodeMail, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to, "confirmation_code", "mail.confirmation_code.title", "mail.code_preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.confirmation_code.text"])
        .code(&mail.code)
        .text(&["mail.code_valid"])
        .soft("mail.confirmation_code.warning")
        .finish()
}

/// Returns the mail that says that an admin has approved a sign-up, with a link to `<APP_URL>/signin`.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_up_approved(to: Recipient<'_>) -> Result<Message, Error> {
    Draft::new(to, "sign_up_approved", "mail.sign_up_approved.title", "mail.sign_up_approved.preview")
        .text(&["mail.sign_up_approved.text"])
        .button("mail.sign_in", link(to.settings, "/signin", &[]))
        .finish()
}

/// Returns the mail that says that an admin has rejected a sign-up.
///
/// # Errors
/// As [`one_time_password`].
pub fn sign_up_rejected(to: Recipient<'_>) -> Result<Message, Error> {
    Draft::new(to, "sign_up_rejected", "mail.sign_up_rejected.title", "mail.sign_up_rejected.preview")
        .text(&["mail.sign_up_rejected.text"])
        .soft("mail.sign_up_rejected.mistake")
        .finish()
}

/// Returns the link of a mail with a reset token.
fn reset_link(settings: &Settings, token: &str) -> String {
    link(settings, "/reset-password", &[("token", token)])
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
pub fn email_change_code(to: Recipient<'_>, code: &str, lifetime_seconds: i64) -> Result<Message, Error> {
    Draft::new(to.unnamed(), "email_change_code", "mail.email_change_code.title", "mail.code_preview")
        .words("lifetime", duration(to.language, lifetime_seconds))
        .text(&["mail.email_change_code.text"])
        .code(code)
        .text(&["mail.code_valid"])
        .soft("mail.ignore_code")
        .finish()
}

/// Returns the mail to the old address about a change that was asked for, with the link that stops it,
/// `<APP_URL>/undo-email-change#token=<token>`, and a code if one is needed. It does not name the new address, which a stranger may have
/// chosen.
///
/// # Errors
/// As [`one_time_password`].
pub fn email_change_notice(
    to: Recipient<'_>,
    token: &str,
    code: Option<&str>,
    lifetime_seconds: i64,
    activity: Option<&Activity>,
) -> Result<Message, Error> {
    let draft =
        Draft::new(to, "email_change_notice", "mail.email_change_notice.title", "mail.email_change_notice.preview")
            .words("lifetime", duration(to.language, lifetime_seconds))
            .text(&["mail.email_change_notice.text"])
            .details(activity);
    let draft = match code {
        Some(code) => draft.text(&["mail.email_change_notice.code"]).code(code).text(&["mail.code_valid"]),
        None => draft.text(&["mail.email_change_notice.expected"]),
    };
    draft
        .text(&["mail.undo"])
        .button("mail.undo_button", undo_link(to.settings, token))
        .soft("mail.email_change_notice.then")
        .finish()
}

/// Returns the mail to the old address about a change that was made, with the link that undoes it, if it can be undone.
///
/// # Errors
/// As [`one_time_password`].
pub fn email_changed(to: Recipient<'_>, token: Option<&str>, activity: Option<&Activity>) -> Result<Message, Error> {
    let draft = Draft::new(to, "email_changed", "mail.email_changed.title", "mail.email_changed.preview")
        .words("lifetime", duration(to.language, UNDO_PERIOD / 1_000))
        .text(&["mail.email_changed.text", "mail.email_changed.preview"])
        .details(activity)
        .text(&["mail.notice.expected"]);
    let draft = match token {
        Some(token) => draft
            .text(&["mail.undo"])
            .button("mail.undo_button", undo_link(to.settings, token))
            .soft("mail.email_changed.effect"),
        None => draft.text(&["mail.email_changed.help"]),
    };
    draft.finish()
}

/// Returns the mail to the address that an account had until its change was undone.
///
/// # Errors
/// As [`one_time_password`].
pub fn email_change_undone(to: Recipient<'_>, activity: Option<&Activity>) -> Result<Message, Error> {
    Draft::new(to, "email_change_undone", "mail.email_change_undone.title", "mail.email_change_undone.preview")
        .text(&["mail.email_change_undone.text"])
        .details(activity)
        .text(&["mail.ask_admin"])
        .finish()
}

/// Returns the link that stops or undoes a change. The token is in the fragment, which browsers send to no server.
fn undo_link(settings: &Settings, token: &str) -> String {
    format!("{}#token={token}", link(settings, "/undo-email-change", &[]))
}

/// Returns a notice about the security of an account, with links to `<APP_URL>/forgot-password` for an owner who did not do it, and to
/// `<APP_URL>/account`. Its sentences are `mail.<kind>.subject` and `mail.<kind>.text`.
///
/// # Errors
/// As [`one_time_password`].
pub fn security_notice(
    to: Recipient<'_>,
    notice: &SecurityNotice,
    activity: Option<&Activity>,
) -> Result<Message, Error> {
    let kind = notice.kind();
    let (subject, text) = (format!("mail.{kind}.subject"), format!("mail.{kind}.text"));
    // What was added or removed, if it has a name.
    let named = match notice {
        SecurityNotice::PasskeyAdded { passkey: name } | SecurityNotice::PasskeyRemoved { passkey: name } => {
            Some(("passkey", shown_name(name)))
        }
        SecurityNotice::IdentityLinked { provider: name } | SecurityNotice::IdentityUnlinked { provider: name } => {
            Some(("provider", shown_name(name)))
        }
        _ => None,
    };
    let expected = match notice {
        SecurityNotice::RecoveryCodeUsed { left: 0 | 1 } => "mail.recovery_code_used.few",
        SecurityNotice::SecondFactorsReset => "mail.second_factors_reset.expected",
        _ => "mail.notice.expected",
    };
    let draft = Draft::new(to, kind, &subject, expected);
    let draft = match (notice, named) {
        (SecurityNotice::RecoveryCodeUsed { left: 0 }, _) => {
            draft.text(&[&text, "mail.recovery_code_used.last", expected])
        }
        (SecurityNotice::RecoveryCodeUsed { left }, _) => {
            let left_key = to.language.plural("mail.codes_left", *left);
            draft.words("n", left.to_string()).text(&[&text, &left_key, expected])
        }
        (_, Some((placeholder, Some(name)))) => draft.name(placeholder, name).text(&[&text, expected]),
        (_, Some((_, None))) => draft.text(&[&format!("{text}_unnamed"), expected]),
        (_, None) => draft.text(&[&text, expected]),
    };
    draft
        .details(activity)
        .text(&["mail.notice.reset"])
        .button("mail.notice.button", link(to.settings, "/forgot-password", &[]))
        .soft_link("mail.notice.then", link(to.settings, "/account", &[]))
        .soft("mail.notice.help")
        .finish()
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

/// Returns a lifetime in words, rounded down, so that nothing expires earlier than a mail says.
fn duration(language: Language, seconds: i64) -> String {
    let units = [(DAY, "day"), (3_600, "hour"), (60, "minute")];
    // "90 seconds", not "1 minute": a single unit must be exact.
    let (length, unit) =
        units.into_iter().find(|(length, _)| seconds == *length || seconds >= 2 * length).unwrap_or((1, "second"));
    language.amount(unit, seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        language,
        mail::{
            brand::Scheme,
            examples::{CODE, examples},
        },
    };

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

    /// Returns every mail in this language, with `name` in every place for a name.
    fn every_mail_in(language: Language, name: &str) -> Vec<Message> {
        examples(Recipient { settings: &settings(), language, to: &to(), name: Some(name) }).unwrap()
    }

    /// Returns every mail in English, with `name` in every place for a name.
    fn every_mail(name: &str) -> Vec<Message> {
        every_mail_in(Language::English, name)
    }

    /// Returns every mail in every language, with `name` in every place for a name.
    fn every_translation(name: &str) -> Vec<(Language, Message)> {
        let of = |language: Language| every_mail_in(language, name).into_iter().map(move |mail| (language, mail));
        Language::ALL.iter().copied().flat_map(of).collect()
    }

    /// Returns a notice in this language.
    fn notice_in(language: Language, notice: &SecurityNotice, activity: Option<&Activity>) -> Message {
        let to = Recipient { settings: &settings(), language, to: &to(), name: None };
        security_notice(to, notice, activity).unwrap()
    }

    /// Returns a text in one line, without marks of direction.
    fn words(text: &str) -> String {
        let text: String = text.chars().filter(|c| !('\u{2066}'..='\u{2069}').contains(c)).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    const UNDO_LINK: &str =
        "https://app.example/base/undo-email-change#token=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_";

    /// Returns the text that an HTML body shows, without its head and preview.
    fn visible(html: &str) -> String {
        let body = html.split_once("<h1").unwrap().1.replace("<br>", " ");
        let text: String = body.split('<').filter_map(|tag| tag.split_once('>')).map(|(_, text)| text).collect();
        let escapes = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
        words(&escapes.into_iter().fold(text, |text, (escape, character)| text.replace(escape, character)))
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
            let (text, html) = (words(&mail.text), visible(&mail.html));
            for fact in facts {
                assert!(text.contains(fact), "{fact:?} is not in the text of {mail:?}:\n{text}");
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
        let notice =
            |activity: Option<&Activity>| notice_in(Language::English, &SecurityNotice::PasswordChanged, activity);
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
        for (_, mail) in every_translation("Ada Lovelace") {
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
        for (_, mail) in every_translation("Ada") {
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
        for (_, mail) in every_translation("Ada").iter().filter(|(_, mail)| mail.html.contains("class=\"button\"")) {
            let link = links(&mail.text)[0].replace('&', "&#38;");
            assert_eq!(mail.html.matches(&format!("href=\"{link}\"")).count(), 2, "{mail:?}");
            assert!(mail.html.contains(&format!(">{link}</a>")), "{mail:?}");
        }
    }

    #[test]
    fn every_link_and_code_of_a_mail_can_be_read_in_both_bodies() {
        // The footer shows the name of the service instead of this link.
        let footer = "https://app.example/base";
        for (_, mail) in every_translation("Ada") {
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
    fn both_bodies_have_the_same_sentences() {
        for (_, mail) in every_translation("Ada Lovelace") {
            let html = visible(&mail.html);
            // The last paragraph is the footer, in which the HTML has a link instead of the address.
            let paragraphs: Vec<&str> = mail.text.split("\n\n").collect();
            for paragraph in &paragraphs[..paragraphs.len() - 1] {
                assert!(html.contains(&words(paragraph)), "{paragraph} is not in the HTML of {mail:?}:\n{html}");
            }
        }
    }

    #[test]
    fn every_text_of_the_catalogues_is_in_a_mail() {
        for language in Language::ALL.iter().copied() {
            let mut mails = every_mail_in(language, "Ada");
            mails.extend(every_mail_in(language, ""));
            for left in [0, 1, 2, 3, 11, 100] {
                mails.push(notice_in(language, &SecurityNotice::RecoveryCodeUsed { left }, None));
            }
            let place = Activity { country: Some("FR".to_owned()), ..Activity::at(0) };
            mails.push(notice_in(language, &SecurityNotice::NewDevice, Some(&place)));
            let said: String = mails
                .iter()
                .map(|mail| format!("{} {} {} ", mail.subject, words(&mail.text), words(&mail.html)))
                .collect();
            let keys = language::lines(language).filter(|(key, _)| key.starts_with("mail."));
            let keys = keys.filter(|(key, _)| !key.starts_with("mail.codes_left") && *key != "mail.city_in");
            for (key, text) in keys {
                for piece in language::pieces(text) {
                    let language::Piece::Literal(literal) = piece else { continue };
                    assert!(said.contains(literal.trim()), "no mail says {key} in {}: {text}", language.tag());
                }
            }
        }
    }

    #[test]
    fn no_mail_is_left_in_english() {
        for language in [Language::German, Language::Arabic] {
            for (english, mail) in every_mail("Ada").iter().zip(every_mail_in(language, "Ada")) {
                assert_eq!(english.kind, mail.kind);
                assert_ne!(english.subject, mail.subject);
                let sentences = english.text.split("\n\n").filter(|part| part.contains(' ') && links(part).is_empty());
                for sentence in sentences.filter(|part| codes(part).is_empty()) {
                    assert!(!words(&mail.text).contains(&words(sentence)), "{sentence} is in {mail:?}");
                }
            }
        }
    }

    #[test]
    fn a_mail_has_the_direction_of_its_language_and_codes_and_links_have_their_own() {
        for (language, mail) in every_translation("Ada") {
            let (direction, start) = if language == Language::Arabic { ("rtl", "right") } else { ("ltr", "left") };
            let root = format!("<html lang=\"{}\" dir=\"{direction}\">", language.tag());
            let article = format!("lang=\"{}\" dir=\"{direction}\">", language.tag());
            for part in [root, article, format!("text-align:{start}\"")] {
                assert!(mail.html.contains(&part), "{part} is not in {mail:?}");
            }
            assert_eq!(
                mail.html.matches("class=\"code\"").count(),
                mail.html.matches("class=\"code\" dir=\"ltr\"").count()
            );
            for link in mail.html.split("<a class=\"link\"").skip(1) {
                assert!(link.split('>').next().unwrap().contains(" dir=\"ltr\""), "{link}");
            }
        }
    }

    #[test]
    fn the_service_is_at_the_top_in_the_brand_color_and_so_are_links_and_buttons() {
        let brand = Settings { brand_color: "#7a1fa2".to_owned(), ..settings() };
        for language in Language::ALL {
            let to = Recipient { settings: &brand, language: *language, to: &to(), name: None };
            let html = password_reset(to, "token", 900).unwrap().html;
            for style in ["background-color:rgb(122,31,162);color:rgb(255,255,255)", "style=\"color:rgb(122,31,162)"] {
                assert!(html.contains(style), "{style} is not in {html}");
            }
            let (top, _) = html.split_once("<h1").unwrap();
            let (_, top) = top.split_once("<p class=\"brand\"").unwrap();
            assert!(top.contains(";color:rgb(122,31,162)\"><bdi>Postern</bdi></p>"), "{top}");
            let dark = Scheme::dark(&brand.brand_color).link;
            assert!(html.contains(&format!(".brand {{ color: {dark} !important; }}")), "{html}");
        }
    }

    #[test]
    fn a_name_with_markup_is_shown_as_it_is_written_and_does_nothing() {
        for (language, mail) in every_translation("<script>alert(1)<b a=\"'&") {
            // These greet without a name, because they may reach a stranger.
            if ["claim_code", "sign_up_code", "email_change_code"].contains(&mail.kind) {
                assert!(!mail.html.contains("alert"), "{}", mail.html);
                continue;
            }
            assert!(!mail.html.contains("<script") && !mail.html.contains("<b "), "{}", mail.html);
            let name = "<bdi>&#60;script&#62;alert(1)&#60;b a=&#34;&#39;&#38;</bdi>";
            assert!(mail.html.contains(name), "{}: {}", language.tag(), mail.html);
        }
    }

    #[test]
    fn a_name_cannot_turn_the_direction_of_a_mail() {
        let marks = |text: &str| {
            text.chars().filter(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')).collect::<String>()
        };
        for mark in
            ['\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}']
        {
            let name = format!("Ada{mark}ecalevoL");
            for (language, mail) in every_translation(&name) {
                // Ours are closed within their line.
                for line in mail.text.lines().filter(|line| !marks(line).is_empty()) {
                    assert!(language.is_rtl() && marks(line).replace("\u{2068}\u{2069}", "").is_empty(), "{line}");
                }
                assert_eq!(marks(&mail.html) + &marks(&mail.subject), "", "{mail:?}");
                assert!(!mail.text.contains("ecalevoL") && !mail.html.contains("ecalevoL"), "{mail:?}");
            }
            let hostile = Activity { browser: Some(name), system: Some("iOS".to_owned()), ..Activity::at(0) };
            for language in Language::ALL {
                let mail = notice_in(*language, &SecurityNotice::NewDevice, Some(&hostile));
                assert!(!mail.text.contains("ecalevoL") && !mail.html.contains("ecalevoL"), "{mail:?}");
                assert!(mail.text.contains("iOS") && mail.html.contains("iOS"), "{mail:?}");
            }
        }
    }

    #[test]
    fn names_of_both_directions_are_isolated_in_both_bodies() {
        for name in ["Ada", "عمر", "שרה (א)"] {
            for (language, mail) in every_translation(name) {
                if ["claim_code", "sign_up_code", "email_change_code"].contains(&mail.kind) {
                    continue;
                }
                assert!(mail.html.contains(&format!("<bdi>{name}</bdi>")), "{}", mail.html);
                let isolated = format!("\u{2068}{name}\u{2069}");
                assert_eq!(mail.text.contains(&isolated), language.is_rtl(), "{}", mail.text);
                assert!(words(&mail.text).contains(name) && !mail.subject.contains(name), "{mail:?}");
            }
        }
    }

    #[test]
    fn a_very_long_name_is_shown_whole_and_pushes_nothing_out() {
        for name in ["x".repeat(5_000), "اسم ".repeat(1_000).trim_end().to_owned(), "&".repeat(1_000)] {
            for (short, (_, mail)) in every_translation("Ada").into_iter().zip(every_translation(&name)) {
                let (_, short) = short;
                assert_eq!(short.subject, mail.subject);
                assert_eq!(links(&short.text), links(&mail.text));
                assert_eq!(codes(&short.text), codes(&mail.text));
                let (without_name, with_name) =
                    (words(&short.text).replace("Ada", ""), words(&mail.text).replace(&name, ""));
                assert_eq!(without_name, with_name);
                assert_eq!(visible(&short.html).replace("Ada", ""), visible(&mail.html).replace(&name, ""));
            }
        }
    }

    #[test]
    fn a_name_that_looks_like_a_link_is_in_no_mail() {
        for name in ["Visit evil.example", "http//evil", "evil\u{3002}example", "WWW evil", "call 0800 123 456"] {
            for (language, mail) in every_translation(name) {
                for part in [&mail.subject, &mail.text, &mail.html] {
                    assert!(!part.contains(name), "{name:?} is in {mail:?}");
                }
                assert!(mail.text.starts_with(&format!("{}\n", language.template("mail.hello"))), "{}", mail.text);
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
        assert_eq!(
            every_mail("Ada").iter().filter(is_with_code).map(|mail| mail.kind).collect::<Vec<_>>(),
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
        for (_, mail) in &every_translation("Agent 27182") {
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
    fn no_mail_shows_a_placeholder_or_the_syntax_of_a_template() {
        for name in ["Ada", ""] {
            for (_, mail) in every_translation(name) {
                let (_, body) = mail.html.split_once("<body").unwrap();
                for part in [&*mail.subject, &mail.text, body] {
                    assert!(!part.contains(['{', '}']), "{part}");
                }
            }
        }
    }

    #[test]
    fn every_html_body_is_one_accessible_page_for_light_and_dark() {
        for (_, mail) in every_translation("Ada") {
            assert_eq!(mail.html.matches("<h1").count(), 1);
            for part in [
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
        let said = [1, 60, 90, 119, 120, 150, 600, 900, 3_600, 5_400, 9_000, 86_400, 604_800];
        assert_eq!(
            said.map(|seconds| duration(Language::English, seconds)),
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
        let in_arabic =
            [60, 120, 600, 900, 86_400, 172_800, 604_800].map(|seconds| duration(Language::Arabic, seconds));
        assert_eq!(in_arabic, ["دقيقة واحدة", "دقيقتين", "10 دقائق", "15 دقيقة", "يوم واحد", "يومين", "7 أيام"]);
    }

    #[test]
    fn recovery_codes_are_counted_with_the_plural_of_the_language() {
        let said = |language: Language, left: i64| {
            let text = notice_in(language, &SecurityNotice::RecoveryCodeUsed { left }, None).text;
            words(text.split("\n\n").nth(1).unwrap())
        };
        for (language, left, expected) in [
            (Language::English, 0, "It was the last one. If this was you, create new ones"),
            (Language::English, 1, "You have 1 recovery code left. If this was you, create new ones"),
            (Language::English, 2, "You have 2 recovery codes left. If this was you, you do not need"),
            (Language::German, 1, "Sie haben noch 1 Wiederherstellungscode. Wenn Sie das waren, erstellen Sie"),
            (Language::German, 9, "Sie haben noch 9 Wiederherstellungscodes. Wenn Sie das waren, müssen"),
            (Language::Arabic, 0, "كان هذا آخر رمز."),
            (Language::Arabic, 1, "بقي رمز استرداد واحد."),
            (Language::Arabic, 2, "بقي رمزا استرداد."),
            (Language::Arabic, 9, "بقيت 9 رموز استرداد."),
            (Language::Arabic, 11, "بقي 11 رمز استرداد."),
        ] {
            let text = said(language, left);
            assert!(text.contains(expected), "{text}");
        }
    }
}
