//! The identity providers that users can sign in with.

use super::{
    mail::ApiKey,
    reader::Reader,
    table::{self, Text},
};
use crate::domain::{linking::Linking, origin::is_origin};

/// `IDENTITY_PROVIDERS`, in the order of the setting.
#[derive(Debug)]
pub struct IdentityProviders(Vec<IdentityProvider>);

/// An identity provider and its settings.
#[derive(Debug)]
pub struct IdentityProvider {
    /// The name in the settings, in URLs and in the database.
    pub id: String,
    /// The name on buttons.
    pub name: String,
    /// The id of this service there.
    pub client_id: String,
    /// The secret, if it has one.
    pub client_secret: Option<ApiKey>,
    /// What kind it is.
    pub kind: ProviderKind,
}

/// The kinds of providers, with what only they need.
#[derive(Debug)]
pub enum ProviderKind {
    /// `google`.
    Google,
    /// `github`.
    GitHub,
    /// `apple`.
    Apple {
        /// `APPLE_TEAM_ID`.
        team_id: String,
        /// `APPLE_KEY_ID`.
        key_id: String,
        /// `APPLE_PRIVATE_KEY`, as PKCS #8 in DER.
        private_key: PrivateKey,
    },
    /// `microsoft`.
    Microsoft {
        /// `MICROSOFT_TENANT`: an id, a domain, `common`, `organizations` or `consumers`.
        tenant: String,
    },
    /// Any other OpenID Provider.
    OpenId {
        /// `OIDC_<NAME>_ISSUER`.
        issuer: String,
        /// `OIDC_<NAME>_SCOPES`.
        scopes: String,
        /// `OIDC_<NAME>_VERIFIED_EMAILS`: whether `email_verified` of this issuer counts.
        trusts_emails: bool,
    },
}

/// A private key. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(pub Vec<u8>);

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PrivateKey(..)")
    }
}

/// Names that are parts of other paths.
const RESERVED: [&str; 3] = ["email", "passkey", "callback"];
/// The maximum length of a name, in bytes.
const MAX_NAME: usize = 31;

impl IdentityProviders {
    pub(super) fn read(reader: &mut Reader<'_>) -> IdentityProviders {
        let mut providers: Vec<IdentityProvider> = Vec::new();
        let names = reader.text(table::IDENTITY_PROVIDERS).unwrap_or_default();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !is_name(name) {
                reader.invalid(
                    table::IDENTITY_PROVIDERS.name,
                    "must have names with commas between them: google, github, apple, microsoft, or others of lower-case letters, digits \
                     and underscores that begin with a letter. email, passkey and callback are not possible",
                );
            } else if providers.iter().any(|known| known.id == name) {
                reader.invalid(table::IDENTITY_PROVIDERS.name, &format!("names {name} twice"));
            } else {
                providers.push(IdentityProvider::read(reader, name));
            }
        }
        IdentityProviders(providers)
    }

    /// Returns the provider with this name.
    pub fn find(&self, id: &str) -> Option<&IdentityProvider> {
        self.0.iter().find(|provider| provider.id == id)
    }

    /// Returns all providers.
    pub fn all(&self) -> impl Iterator<Item = &IdentityProvider> {
        self.0.iter()
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_plain)
        && !RESERVED.contains(&name)
}

impl IdentityProvider {
    fn read(reader: &mut Reader<'_>, id: &str) -> IdentityProvider {
        let (name, id_setting, secret_setting, kind) = match id {
            "google" => ("Google", table::GOOGLE_CLIENT_ID, Some(table::GOOGLE_CLIENT_SECRET), ProviderKind::Google),
            "github" => ("GitHub", table::GITHUB_CLIENT_ID, Some(table::GITHUB_CLIENT_SECRET), ProviderKind::GitHub),
            "microsoft" => {
                let tenant = reader.text(table::MICROSOFT_TENANT).unwrap_or_default();
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
                if !tenant.bytes().all(is_plain) {
                    reader.invalid(
                        table::MICROSOFT_TENANT.name,
                        "must be a tenant id, a domain, common, organizations or consumers",
                    );
                }
                let kind = ProviderKind::Microsoft { tenant };
                ("Microsoft", table::MICROSOFT_CLIENT_ID, Some(table::MICROSOFT_CLIENT_SECRET), kind)
            }
            "apple" => ("Apple", table::APPLE_CLIENT_ID, None, apple(reader)),
            other => return Self::read_open_id(reader, other),
        };
        let why = format!("the provider {id} needs it");
        let client_id = reader.required(id_setting, &why);
        let client_secret = secret_setting.map(|setting| ApiKey(reader.required(setting, &why)));
        IdentityProvider { id: id.to_owned(), name: name.to_owned(), client_id, client_secret, kind }
    }

    fn read_open_id(reader: &mut Reader<'_>, id: &str) -> IdentityProvider {
        let part = id.to_ascii_uppercase();
        let why = format!("the provider {id} needs it");
        let issuer = reader.required_of(table::OIDC_ISSUER, &part, &why);
        if !issuer.is_empty() && !is_issuer(&issuer, reader.is_local) {
            reader.invalid_of(
                table::OIDC_ISSUER,
                &part,
                "must be an https URL without query or fragment, exactly as the provider writes it (http on a loopback address \
                 requires ENVIRONMENT=local)",
            );
        }
        let client_id = reader.required_of(table::OIDC_CLIENT_ID, &part, &why);
        let client_secret = reader.text_of(table::OIDC_CLIENT_SECRET, &part).map(ApiKey);
        let name = reader.text_of(table::OIDC_LABEL, &part).unwrap_or_else(|| {
            let (first, rest) = id.split_at(1);
            format!("{}{}", first.to_ascii_uppercase(), rest.replace('_', " "))
        });
        if name.chars().count() > 40 || name.chars().any(char::is_control) {
            reader.invalid_of(table::OIDC_LABEL, &part, "must have at most 40 characters, on one line");
        }
        let scopes = reader.text_of(table::OIDC_SCOPES, &part).unwrap_or_default();
        if !scopes.split(' ').any(|scope| scope == "openid") {
            reader.invalid_of(table::OIDC_SCOPES, &part, "must contain openid, with single spaces between the scopes");
        }
        let verified = reader.text_of(table::OIDC_VERIFIED_EMAILS, &part).unwrap_or_default();
        if !["ignored", "trusted"].contains(&verified.as_str()) {
            reader.invalid_of(table::OIDC_VERIFIED_EMAILS, &part, "must be one of ignored, trusted");
        }
        let kind = ProviderKind::OpenId { issuer, scopes, trusts_emails: verified == "trusted" };
        IdentityProvider { id: id.to_owned(), name, client_id, client_secret, kind }
    }
}

fn apple(reader: &mut Reader<'_>) -> ProviderKind {
    let why = "the provider apple needs it";
    let mut plain = |setting: Text| {
        let text = reader.required(setting, why);
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            reader.invalid(setting.name, "must have only letters and digits, as Apple shows it");
        }
        text
    };
    let (team_id, key_id) = (plain(table::APPLE_TEAM_ID), plain(table::APPLE_KEY_ID));
    let text = reader.required(table::APPLE_PRIVATE_KEY, why);
    let private_key = private_key(&text).unwrap_or_default();
    if private_key.is_empty() && !text.is_empty() {
        reader.invalid(table::APPLE_PRIVATE_KEY.name, "must be the text of the .p8 file from Apple");
    }
    ProviderKind::Apple { team_id, key_id, private_key: PrivateKey(private_key) }
}

/// Reads a private key in PEM (RFC 7468, section 10). Line breaks can be missing or written as `\n`, because some tools store a secret
/// on one line.
fn private_key(pem: &str) -> Option<Vec<u8>> {
    use base64ct::{Base64, Encoding};
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.replace("\\n", "").chars().filter(|character| !character.is_whitespace()).collect();
    Base64::decode_vec(&body).ok().filter(|key| !key.is_empty())
}

fn is_issuer(url: &str, is_local: bool) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:%@+!$&'()*,;=".contains(&byte);
    let is_loopback = || ["localhost", "127.0.0.1"].contains(&authority.split(':').next().unwrap_or_default());
    let with_http = is_local && is_loopback();
    is_origin(&format!("{scheme}://{authority}"), with_http) && path.bytes().all(is_plain)
}

/// Reads `ACCOUNT_LINKING`.
pub(super) fn account_linking(reader: &mut Reader<'_>) -> Linking {
    match reader.choice(table::ACCOUNT_LINKING) {
        "off" => Linking::ByUserOnly,
        _ => Linking::ByVerifiedEmail,
    }
}

#[cfg(test)]
mod tests {
    use super::ProviderKind;
    use crate::settings::tests::{SECRET, read};

    const LOCAL: [(&str, &str); 2] = [("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET)];
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCBxcXFxcXFxcXFxcXFxcXFx\ncXFxcXFxcXFxcXFxcXFxcQ==\n-----END PRIVATE KEY-----\n";

    fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
        let Err(problems) = read(&[&LOCAL, pairs].concat()) else { return Vec::new() };
        problems.into_iter().map(|problem| problem.split(' ').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn each_provider_names_all_that_it_lacks() {
        let providers = ("IDENTITY_PROVIDERS", "google, github,apple , microsoft,acme_2");
        assert_eq!(
            problems(&[providers]),
            [
                "GOOGLE_CLIENT_ID",
                "GOOGLE_CLIENT_SECRET",
                "GITHUB_CLIENT_ID",
                "GITHUB_CLIENT_SECRET",
                "APPLE_TEAM_ID",
                "APPLE_KEY_ID",
                "APPLE_PRIVATE_KEY",
                "APPLE_CLIENT_ID",
                "MICROSOFT_CLIENT_ID",
                "MICROSOFT_CLIENT_SECRET",
                "OIDC_ACME_2_ISSUER",
                "OIDC_ACME_2_CLIENT_ID",
            ]
        );
    }

    #[test]
    fn complete_settings_are_read_in_their_order() {
        let settings = read(&[
            LOCAL[0],
            LOCAL[1],
            ("IDENTITY_PROVIDERS", "acme,apple,google"),
            ("GOOGLE_CLIENT_ID", "g"),
            ("GOOGLE_CLIENT_SECRET", "gs"),
            ("APPLE_CLIENT_ID", "com.example"),
            ("APPLE_TEAM_ID", "TEAM123456"),
            ("APPLE_KEY_ID", "KEY1234567"),
            ("APPLE_PRIVATE_KEY", &KEY.replace('\n', "\\n")),
            ("OIDC_ACME_ISSUER", "https://login.acme.example/realms/main"),
            ("OIDC_ACME_CLIENT_ID", "a"),
            ("OIDC_ACME_LABEL", "Acme Corp."),
            ("OIDC_ACME_VERIFIED_EMAILS", "trusted"),
        ])
        .unwrap();
        let providers: Vec<_> = settings.identity_providers.all().collect();
        assert_eq!(
            providers.iter().map(|provider| provider.id.as_str()).collect::<Vec<_>>(),
            ["acme", "apple", "google"]
        );
        assert_eq!(
            providers.iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>(),
            ["Acme Corp.", "Apple", "Google"]
        );
        let ProviderKind::OpenId { scopes, trusts_emails, .. } = &providers[0].kind else { panic!() };
        assert_eq!(
            (scopes.as_str(), *trusts_emails, providers[0].client_secret.is_none()),
            ("openid email profile", true, true)
        );
        let ProviderKind::Apple { private_key, .. } = &providers[1].kind else { panic!() };
        assert_eq!(private_key.0.len(), 67);
        let shown = format!("{settings:?}");
        assert!(!shown.contains("gs\"") && !shown.contains("48, 65"), "{shown}");
    }

    #[test]
    fn bad_names_and_values_are_reported() {
        for names in
            ["Google", "a-b", "1a", "email", "passkey", "callback", "_a", "google,google", "x".repeat(32).as_str()]
        {
            assert!(problems(&[("IDENTITY_PROVIDERS", names)]).contains(&"IDENTITY_PROVIDERS".to_owned()), "{names}");
        }
        let acme = [("IDENTITY_PROVIDERS", "acme"), ("OIDC_ACME_CLIENT_ID", "a")];
        for issuer in [
            "http://acme.example",
            "acme.example",
            "https://acme.example?x",
            "https://acme.example/#x",
            "https://user@acme.example",
            "https://ACME.example",
            "https://acme.example/a b",
        ] {
            assert_eq!(problems(&[acme[0], acme[1], ("OIDC_ACME_ISSUER", issuer)]), ["OIDC_ACME_ISSUER"], "{issuer}");
        }
        let good = [acme[0], acme[1], ("OIDC_ACME_ISSUER", "http://localhost:9000")];
        assert_eq!(problems(&good), [""; 0]);
        for (name, value) in [
            ("OIDC_ACME_SCOPES", "email"),
            ("OIDC_ACME_VERIFIED_EMAILS", "yes"),
            ("OIDC_ACME_LABEL", "a\nb"),
            ("ACCOUNT_LINKING", "on"),
        ] {
            assert_eq!(problems(&[good[0], good[1], good[2], (name, value)]), [name]);
        }
        let production = [
            ("APP_URL", "https://example.com"),
            ("AUTH_SECRET", SECRET),
            ("MAIL_FROM", "a@example.com"),
            ("RESEND_API_KEY", "re_1"),
        ];
        assert!(read(&[&production[..], &good].concat()).is_err());
    }
}
