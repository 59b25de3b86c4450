//! The secrets of the webhooks of mail providers.

use std::fmt;

use base64ct::{Base64, Encoding};

use super::{
    reader::Reader,
    table::{self, MAILGUN_WEBHOOK_KEY, POSTMARK_WEBHOOK_PASSWORD, RESEND_WEBHOOK_SECRET, SENDGRID_WEBHOOK_PUBLIC_KEY},
};
use crate::crypto::ecdsa;

/// The minimum length of a secret, in bytes.
const MIN_LENGTH: usize = 16;

/// The secrets of the webhooks. A webhook without one is off.
#[derive(Debug, Clone)]
pub struct MailWebhooks {
    /// `RESEND_WEBHOOK_SECRET`, decoded.
    pub resend: Option<WebhookKey>,
    /// `POSTMARK_WEBHOOK_PASSWORD`.
    pub postmark: Option<WebhookKey>,
    /// `SENDGRID_WEBHOOK_PUBLIC_KEY`.
    pub sendgrid: Option<PublicKey>,
    /// `MAILGUN_WEBHOOK_KEY`.
    pub mailgun: Option<WebhookKey>,
}

/// A shared secret. Its `Debug` does not show it.
#[derive(Clone)]
pub struct WebhookKey(pub Vec<u8>);

impl fmt::Debug for WebhookKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookKey(..)")
    }
}

/// A public key on P-256: the uncompressed point.
#[derive(Debug, Clone)]
pub struct PublicKey(pub [u8; 65]);

impl MailWebhooks {
    pub(super) fn read(reader: &mut Reader<'_>) -> MailWebhooks {
        MailWebhooks {
            resend: read(
                reader,
                RESEND_WEBHOOK_SECRET,
                "must be the signing secret from Resend: `whsec_` and base64",
                |text| {
                    Base64::decode_vec(text.strip_prefix("whsec_")?)
                        .ok()
                        .filter(|key| key.len() >= MIN_LENGTH)
                        .map(WebhookKey)
                },
            ),
            postmark: read(reader, POSTMARK_WEBHOOK_PASSWORD, "must have at least 16 characters", secret),
            sendgrid: read(
                reader,
                SENDGRID_WEBHOOK_PUBLIC_KEY,
                "must be the verification key from SendGrid: a public key on P-256 in base64",
                |text| ecdsa::point_from_der(&Base64::decode_vec(text).ok()?).map(PublicKey),
            ),
            mailgun: read(reader, MAILGUN_WEBHOOK_KEY, "must have at least 16 characters", secret),
        }
    }
}

fn secret(text: &str) -> Option<WebhookKey> {
    (text.len() >= MIN_LENGTH).then(|| WebhookKey(text.as_bytes().to_vec()))
}

fn read<T>(reader: &mut Reader<'_>, setting: table::Text, rule: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = reader.text(setting)?;
    let parsed = parse(&text);
    if parsed.is_none() {
        reader.invalid(setting.name, rule);
    }
    parsed
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::{SECRET, read};

    #[test]
    fn secrets_of_webhooks_have_the_form_that_the_provider_shows() {
        let read = |name, value| read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), (name, value)]);
        let webhooks = read("ENVIRONMENT", "local").unwrap().mail_webhooks;
        assert!(webhooks.resend.is_none() && webhooks.postmark.is_none());
        assert!(webhooks.sendgrid.is_none() && webhooks.mailgun.is_none());
        let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";
        for (name, good, bad) in [
            (
                "RESEND_WEBHOOK_SECRET",
                "whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
                ["MDEyMzQ1Njc4OWFiY2RlZg==", "whsec_*", "whsec_MDE="],
            ),
            ("POSTMARK_WEBHOOK_PASSWORD", "0123456789abcdef", ["short", "0123456789abcde", "x"]),
            ("MAILGUN_WEBHOOK_KEY", "0123456789abcdef", ["short", "0123456789abcde", "x"]),
            ("SENDGRID_WEBHOOK_PUBLIC_KEY", key, ["-----BEGIN PUBLIC KEY-----", &key[..120], "MFkwEwYHKoZIzj0CAQ=="]),
        ] {
            let webhooks = format!("{:?}", read(name, good).unwrap().mail_webhooks);
            assert!(!webhooks.contains("0123456789"), "{webhooks}");
            for bad in bad {
                let problems = read(name, bad).unwrap_err();
                assert!(
                    problems.iter().all(|problem| problem.starts_with(name)) && !problems.is_empty(),
                    "{problems:?}"
                );
            }
        }
    }
}
