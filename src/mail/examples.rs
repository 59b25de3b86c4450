//! Every mail with example values, for the tests and for the page `/dev/mails`.

use super::message::{self, Message, Recipient};
use crate::{
    domain::mail_job::{Activity, CodeMail, CodeReason, SecurityNotice},
    error::Error,
};

/// The code in the examples.
pub const CODE: &str = "271828";
/// The token in the examples.
const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_";

/// Returns every mail, with the name of the recipient in every place for a name. A test fails if one is missing.
///
/// # Errors
/// As [`message::one_time_password`].
pub fn examples(to: Recipient<'_>) -> Result<Vec<Message>, Error> {
    let name = to.name.unwrap_or_default();
    let code = CodeMail {
        email: to.to.as_str().to_owned(),
        reason: CodeReason::SignIn,
        id: "0198c0de-0000-4000-8000-000000000001".to_owned(),
        code: CODE.to_owned(),
        secret: "iaIgJbBkNIoaTvOUXUbFzwWySCM4DFdzoVFmW1eVdrA".to_owned(),
    };
    let activity = Activity {
        at: 1_795_873_200_000,
        browser: Some("Firefox".to_owned()),
        system: Some("Windows".to_owned()),
        country: Some("DE".to_owned()),
        city: Some("Berlin".to_owned()),
    };
    let activity = Some(&activity);
    let mut mails = vec![
        message::one_time_password(to, CODE, 600)?,
        message::password_reset(to, TOKEN, 900)?,
        message::account_invitation(to, TOKEN, 604_800)?,
        message::invitation(to, name, "k3yK3yK3y0", 90)?,
        message::sign_in_code(to, &code, 600)?,
        message::claim_code(to, &code, 600)?,
        message::sign_up_code(to, &code, 600)?,
        message::account_exists(to)?,
        message::confirmation_code(to, &code, 600)?,
        message::sign_up_approved(to)?,
        message::sign_up_rejected(to)?,
    ];
    for notice in notices(name) {
        mails.push(message::security_notice(to, &notice, activity)?);
    }
    mails.extend([
        message::email_change_code(to, CODE, 600)?,
        message::email_change_notice(to, TOKEN, None, 600, activity)?,
        message::email_change_notice(to, TOKEN, Some(CODE), 600, activity)?,
        message::email_changed(to, Some(TOKEN), activity)?,
        message::email_changed(to, None, activity)?,
        message::email_change_undone(to, activity)?,
    ]);
    Ok(mails)
}

/// Returns every notice, with `name` as the name of a passkey or a provider.
fn notices(name: &str) -> Vec<SecurityNotice> {
    vec![
        SecurityNotice::NewDevice,
        SecurityNotice::PasswordChanged,
        SecurityNotice::PasswordRemoved,
        SecurityNotice::PasskeyAdded { passkey: name.to_owned() },
        SecurityNotice::PasskeyRemoved { passkey: name.to_owned() },
        SecurityNotice::IdentityLinked { provider: name.to_owned() },
        SecurityNotice::IdentityUnlinked { provider: name.to_owned() },
        SecurityNotice::TotpAdded,
        SecurityNotice::TotpRemoved,
        SecurityNotice::SecondFactorRequired,
        SecurityNotice::SecondFactorRemoved,
        SecurityNotice::RecoveryCodesReplaced,
        SecurityNotice::RecoveryCodeUsed { left: 1 },
        SecurityNotice::SecondFactorsReset,
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        domain::email::Email,
        language::{self, Language},
        settings::Settings,
    };

    #[test]
    fn every_mail_of_the_catalogues_has_an_example_in_every_language() {
        let subjects = language::lines(Language::English)
            .filter_map(|(key, _)| key.strip_prefix("mail.")?.strip_suffix(".subject"));
        let kinds: BTreeSet<_> = subjects.collect();
        assert!(kinds.len() > 25, "{kinds:?}");
        let settings = Settings::read(|name| match name {
            "ENVIRONMENT" => Some("local".to_owned()),
            "AUTH_SECRET" => Some("0123456789abcdef0123456789abcdef".to_owned()),
            _ => None,
        });
        let (settings, to) = (&settings.unwrap(), &Email::parse("ada@example.com").unwrap());
        for language in Language::ALL {
            let to = Recipient { settings, language: *language, to, name: Some("Ada") };
            let examples = examples(to).unwrap();
            let shown: BTreeSet<_> = examples.iter().map(|mail| mail.kind).collect();
            assert_eq!(shown, kinds, "src/mail/examples.rs and src/language/en.properties must have the same mails");
        }
    }
}
