//! Every mail with example values, for the tests and for the page `/dev/mails`.

use super::message::{self, Message};
use crate::{
    domain::{
        email::Email,
        mail_job::{Activity, CodeMail, CodeReason, SecurityNotice},
    },
    error::Error,
    settings::Settings,
};

/// The code in the examples.
pub const CODE: &str = "271828";
/// The token in the examples.
const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_";

/// Returns every mail, with `name` in every place for a name. A test fails if one is missing.
///
/// # Errors
/// As [`message::one_time_password`].
pub fn examples(settings: &Settings, to: &Email, name: &str) -> Result<Vec<Message>, Error> {
    let code = CodeMail {
        email: to.as_str().to_owned(),
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
        message::one_time_password(settings, to, Some(name), CODE, 600)?,
        message::password_reset(settings, to, Some(name), TOKEN, 900)?,
        message::account_invitation(settings, to, Some(name), TOKEN, 604_800)?,
        message::invitation(settings, to, name, "k3yK3yK3y0", 90)?,
        message::sign_in_code(settings, to, Some(name), &code, 600)?,
        message::claim_code(settings, to, &code, 600)?,
        message::sign_up_code(settings, to, &code, 600)?,
        message::account_exists(settings, to, Some(name))?,
        message::confirmation_code(settings, to, Some(name), &code, 600)?,
        message::sign_up_approved(settings, to, Some(name))?,
        message::sign_up_rejected(settings, to, Some(name))?,
    ];
    for notice in notices(name) {
        mails.push(message::security_notice(settings, to, Some(name), &notice, activity)?);
    }
    mails.extend([
        message::email_change_code(settings, to, CODE, 600)?,
        message::email_change_notice(settings, to, Some(name), TOKEN, None, 600, activity)?,
        message::email_change_notice(settings, to, Some(name), TOKEN, Some(CODE), 600, activity)?,
        message::email_changed(settings, to, Some(name), Some(TOKEN), activity)?,
        message::email_changed(settings, to, Some(name), None, activity)?,
        message::email_change_undone(settings, to, Some(name), activity)?,
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
    use std::{collections::BTreeSet, fs};

    use super::*;

    fn settings() -> Settings {
        Settings::read(|name| match name {
            "ENVIRONMENT" => Some("local".to_owned()),
            "AUTH_SECRET" => Some("0123456789abcdef0123456789abcdef".to_owned()),
            _ => None,
        })
        .unwrap()
    }

    #[test]
    fn every_folder_of_a_mail_has_an_example_and_all_three_files() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail/templates");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
        let names: BTreeSet<_> =
            folders.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        let to = Email::parse("ada@example.com").unwrap();
        let examples = examples(&settings(), &to, "Ada").unwrap();
        let kinds: BTreeSet<_> = examples.iter().map(|mail| mail.kind.to_owned()).collect();
        assert_eq!(kinds, names, "src/mail/examples.rs and the folders in src/mail/templates must be the same mails");
        for folder in &folders {
            for file in ["subject.txt", "body.txt", "body.html"] {
                assert!(folder.join(file).is_file(), "{} has no {file}", folder.display());
            }
        }
    }

    #[test]
    fn a_notice_has_the_kind_of_its_mail() {
        let to = Email::parse("ada@example.com").unwrap();
        for notice in notices("Ada") {
            let mail = message::security_notice(&settings(), &to, None, &notice, None).unwrap();
            assert_eq!(notice.kind(), mail.kind);
        }
    }
}
