//! What is mailed to whom, as the mail queue stores it.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::Timestamp;
use crate::language::{self, Language};

/// A job and its language.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QueuedJob {
    /// The job. Earlier versions read it alone.
    #[serde(flatten)]
    pub job: MailJob,
    /// The language of the recipient if it was known, or else that of the request, which a language of the recipient overrides. Rows of
    /// earlier versions have none.
    #[serde(default, with = "language::stored")]
    pub language: Option<Language>,
}

/// What to mail to whom.
// `errand` is the tag of rows that earlier versions have queued.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "errand", rename_all = "snake_case")]
pub enum MailJob {
    /// A reset link, if this is still the live reset of an active account.
    PasswordReset {
        /// The address as requested, which need not have an account.
        email: String,
        /// The reset.
        #[serde(flatten)]
        reset: NewReset,
    },
    /// A link to set the first password, if this is still the live reset of an active account.
    AccountInvitation {
        /// The address of the account.
        email: String,
        /// The reset.
        #[serde(flatten)]
        reset: NewReset,
    },
    /// A sign-up link.
    Invitation {
        /// The invitee.
        email: String,
        /// The name of the user who invites.
        inviter: Option<String>,
        /// The user token.
        token: String,
        /// Its lifetime, in days.
        days: i64,
    },
    /// A code that proves the email of the recipient.
    EmailCode(CodeMail),
    /// The answer to a request to sign up.
    SignUpAnswer {
        /// The address of the applicant.
        email: String,
        /// The name of the applicant.
        name: Option<String>,
        /// Whether an admin has approved it.
        is_approved: bool,
    },
    /// The notice of a changed password. The previous version knows this job, so it sends the notice even after a rollback.
    PasswordChanged {
        /// The address of the owner.
        email: String,
        /// The name of the owner.
        name: Option<String>,
        /// When and from where it was done. Rows of earlier versions have none.
        activity: Option<Activity>,
    },
    /// The code that confirms the new address of an account.
    EmailChangeCode {
        /// The new address.
        email: String,
        /// The code.
        code: String,
    },
    /// The notice to the old address about a change that was asked for.
    EmailChangeNotice {
        /// The old address.
        email: String,
        /// The name of the owner.
        name: Option<String>,
        /// The token of the link that stops the change.
        token: String,
        /// The code that confirms the change, if one is needed.
        code: Option<String>,
        /// When and from where it was done. Rows of earlier versions have none.
        activity: Option<Activity>,
    },
    /// The notice to the old address about a change that was made.
    EmailChanged {
        /// The old address.
        email: String,
        /// The name of the owner.
        name: Option<String>,
        /// The token of the link that undoes the change, if it can be undone.
        token: Option<String>,
        /// When and from where it was done. Rows of earlier versions have none.
        activity: Option<Activity>,
    },
    /// The notice to the new address about a change that was undone.
    EmailChangeUndone {
        /// The new address.
        email: String,
        /// The name of the owner.
        name: Option<String>,
        /// When and from where it was done. Rows of earlier versions have none.
        activity: Option<Activity>,
    },
    /// Any other notice about the security of an account.
    SecurityNotice {
        /// The address of the owner.
        email: String,
        /// The name of the owner.
        name: Option<String>,
        /// What happened.
        notice: SecurityNotice,
        /// When and from where it was done. Rows of earlier versions have none.
        activity: Option<Activity>,
    },
}

/// A reset whose link will be mailed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewReset {
    /// Its id: the `jti` of the JWT that will be issued, or a keyed hash of the opaque token.
    #[serde(rename = "reset_id")]
    pub id: String,
    /// The opaque token. `None` if the link will contain a JWT. The previous version does not know it and mails a JWT, which works as well.
    #[serde(rename = "reset_token", default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A code for a recipient, and what it is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CodeMail {
    /// The address, which need not have an account.
    pub email: String,
    /// What the code is for.
    pub reason: CodeReason,
    /// The id of the token of the browser that has asked.
    pub id: String,
    /// The code.
    pub code: String,
    /// The secret in the link. Empty if there is no link.
    pub secret: String,
}

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeReason {
    /// To sign in.
    SignIn,
    /// To sign up.
    SignUp,
    /// To authenticate again.
    Reauthentication,
}

impl MailJob {
    /// Returns the recipient.
    pub fn recipient(&self) -> &str {
        match self {
            MailJob::PasswordReset { email, .. }
            | MailJob::AccountInvitation { email, .. }
            | MailJob::Invitation { email, .. }
            | MailJob::EmailCode(CodeMail { email, .. })
            | MailJob::SignUpAnswer { email, .. }
            | MailJob::EmailChangeCode { email, .. }
            | MailJob::EmailChangeNotice { email, .. }
            | MailJob::EmailChanged { email, .. }
            | MailJob::EmailChangeUndone { email, .. }
            | MailJob::PasswordChanged { email, .. }
            | MailJob::SecurityNotice { email, .. } => email,
        }
    }

    /// Returns whether it is a notice about the security of an account, which is sent even to an address with a problem
    /// (`domain::email_problem`): the problem may be over, and the owner must learn of it.
    pub fn is_security_notice(&self) -> bool {
        match self {
            MailJob::EmailChangeNotice { .. }
            | MailJob::EmailChanged { .. }
            | MailJob::EmailChangeUndone { .. }
            | MailJob::PasswordChanged { .. }
            | MailJob::SecurityNotice { .. } => true,
            MailJob::PasswordReset { .. }
            | MailJob::AccountInvitation { .. }
            | MailJob::Invitation { .. }
            | MailJob::EmailCode(_)
            | MailJob::EmailChangeCode { .. }
            | MailJob::SignUpAnswer { .. } => false,
        }
    }
}

/// A notice about the security of an account. To add one, add a variant, and its sentences `mail.<kind>.subject` and
/// `mail.<kind>.text` to the catalogues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SecurityNotice {
    /// A session began on a device that the user has not signed in from before.
    NewDevice,
    /// The password was changed.
    PasswordChanged,
    /// The password was removed, so that only passkeys are left.
    PasswordRemoved,
    /// A passkey was added.
    PasskeyAdded {
        /// Its name.
        passkey: String,
    },
    /// A passkey was removed.
    PasskeyRemoved {
        /// Its name.
        passkey: String,
    },
    /// An account at an identity provider was linked.
    IdentityLinked {
        /// The name of the provider in the settings.
        provider: String,
    },
    /// An account at an identity provider was unlinked.
    IdentityUnlinked {
        /// The name of the provider in the settings.
        provider: String,
    },
    /// An authenticator app was added.
    TotpAdded,
    /// The authenticator app was removed.
    TotpRemoved,
    /// The user requires a second factor from now on.
    SecondFactorRequired,
    /// The second factor is no longer required.
    SecondFactorRemoved,
    /// New recovery codes replaced the old ones.
    RecoveryCodesReplaced,
    /// A recovery code was used.
    RecoveryCodeUsed {
        /// How many are left.
        left: i64,
    },
    /// An admin has removed all second factors.
    SecondFactorsReset,
}

impl SecurityNotice {
    /// Returns the kind, whatever the details. Notices of the same kind within a few minutes become one, so nobody can flood a
    /// mailbox by adding passkeys under many names.
    pub fn kind(&self) -> &'static str {
        self.into()
    }

    /// Returns the notice without text that the user has chosen, for an address that may be that of someone else.
    #[must_use]
    pub fn without_names(self) -> SecurityNotice {
        match self {
            SecurityNotice::PasskeyAdded { .. } => SecurityNotice::PasskeyAdded { passkey: String::new() },
            SecurityNotice::PasskeyRemoved { .. } => SecurityNotice::PasskeyRemoved { passkey: String::new() },
            other => other,
        }
    }
}

/// When something was done, and from which device and place, as far as that is known and the recipient may learn it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The time.
    pub at: Timestamp,
    /// The browser, or another program.
    pub browser: Option<String>,
    /// The operating system.
    pub system: Option<String>,
    /// The country (ISO 3166-1 alpha-2).
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
}

impl Activity {
    /// Returns the time alone, for what someone else did, and for an address that may be that of someone else.
    pub fn at(at: Timestamp) -> Activity {
        Activity { at, browser: None, system: None, country: None, city: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"{"errand":"email_change_code","email":"ada@example.com","code":"271828"}"#;

    #[test]
    fn a_job_keeps_its_language_and_that_of_an_earlier_or_newer_version_is_read_without() {
        let read = |text: &str| serde_json::from_str::<QueuedJob>(text).unwrap();
        let queued = QueuedJob { language: Some(Language::Arabic), ..read(JOB) };
        let text = serde_json::to_string(&queued).unwrap();
        assert_eq!(read(&text).language, Some(Language::Arabic));
        // The previous version reads the job alone.
        let job: MailJob = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&job).unwrap(), JOB);
        for tag in ["", ",\"language\":null", ",\"language\":\"xx\""] {
            let text = JOB.replace('}', &format!("{tag}}}"));
            assert_eq!(read(&text).language, None, "{text}");
            assert_eq!(read(&text).job.recipient(), "ada@example.com");
        }
    }

    #[test]
    fn every_job_of_an_earlier_version_is_read() {
        let activity =
            r#""activity":{"at":1795873200000,"browser":"Firefox","system":null,"country":"DE","city":null}"#;
        for rest in [
            r#""password_reset","email":"a@example.com","reset_id":"1""#,
            r#""account_invitation","email":"a@example.com","reset_id":"1""#,
            r#""invitation","email":"a@example.com","inviter":null,"token":"t","days":90"#,
            r#""email_code","email":"a@example.com","reason":"sign_in","id":"1","code":"271828","secret":"s""#,
            r#""sign_up_answer","email":"a@example.com","name":"Ada","is_approved":true"#,
            r#""password_changed","email":"a@example.com","name":null"#,
            r#""email_change_notice","email":"a@example.com","name":null,"token":"t","code":null"#,
            r#""email_changed","email":"a@example.com","name":null,"token":null"#,
            r#""email_change_undone","email":"a@example.com","name":null"#,
            r#""security_notice","email":"a@example.com","name":null,"notice":{"kind":"recovery_code_used","left":1}"#,
            &format!(r#""password_changed","email":"a@example.com","name":null,{activity}"#),
        ] {
            let text = format!("{{\"errand\":{rest}}}");
            let queued: QueuedJob = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!((queued.job.recipient(), queued.language), ("a@example.com", None));
        }
    }
}
