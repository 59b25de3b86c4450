//! Every setting, one row each. A new setting is a row here and a field of [`super::Settings`] that is read from it. Then
//! `npm run configuration` writes the tables of `docs/configuration.md` and the list that the scripts read.

use crate::domain::password;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A setting that is a text. An empty default means none.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The name of the variable.
    pub name: &'static str,
    /// The default in a deployment.
    pub default: &'static str,
    /// The default in local development, if it differs.
    pub local: &'static str,
    /// Whether it is stored as a secret, which nobody can read afterwards.
    pub is_secret: bool,
    /// When it must be set. Empty if never.
    pub required: &'static str,
}

/// A setting that is one of several words, or a list of them.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The name of the variable.
    pub name: &'static str,
    /// The words. The first one is the default in a deployment.
    pub choices: &'static [&'static str],
    /// The default in local development, if it differs.
    pub local: &'static str,
    /// Whether there may be several, with commas between them.
    pub is_list: bool,
}

/// A setting that is a whole number.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// The name of the variable.
    pub name: &'static str,
    /// The default.
    pub default: i64,
    /// The smallest number that is accepted.
    pub min: i64,
    /// The largest number that is accepted.
    pub max: i64,
}

/// What the documentation and the scripts know of a setting.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The heading that it is listed under.
    pub group: &'static str,
    /// What it does, in Markdown.
    pub description: &'static str,
    /// The rest.
    pub setting: Setting,
}

/// A setting of any type.
#[derive(Debug, Clone, Copy)]
pub enum Setting {
    /// A text.
    Text(Text),
    /// A word, or a list of words.
    Choice(Choice),
    /// A whole number.
    Number(Number),
}

impl Row {
    /// Returns the name of the variable.
    pub fn name(&self) -> &'static str {
        match self.setting {
            Setting::Text(text) => text.name,
            Setting::Choice(choice) => choice.name,
            Setting::Number(number) => number.name,
        }
    }

    /// Returns when the setting must be set. Empty if never.
    pub fn required(&self) -> &'static str {
        if let Setting::Text(text) = self.setting { text.required } else { "" }
    }

    /// Returns whether it is stored as a secret.
    pub fn is_secret(&self) -> bool {
        matches!(self.setting, Setting::Text(Text { is_secret: true, .. }))
    }

    /// Returns the default in a deployment. Empty if none.
    pub fn default(&self) -> String {
        match self.setting {
            Setting::Text(text) => text.default.to_owned(),
            Setting::Choice(choice) => choice.choices.first().copied().unwrap_or_default().to_owned(),
            Setting::Number(number) => number.default.to_string(),
        }
    }

    /// Returns the default in local development, if it differs.
    pub fn local(&self) -> &'static str {
        match self.setting {
            Setting::Text(text) => text.local,
            Setting::Choice(choice) => choice.local,
            Setting::Number(_) => "",
        }
    }
}

/// Builds a constant for each setting, and [`SETTINGS`] from all of them. A row is
/// `/// What it does, in Markdown.`, then `NAME: Type = value;`.
macro_rules! settings {
    ($(
        $group:literal {
            $($(#[doc = $description:literal])+ $name:ident: $kind:ident = $value:expr;)+
        }
    )+) => {
        $($(
            $(#[doc = $description])+
            pub const $name: $kind = $kind { name: named($value.name, stringify!($name)), ..$value };
        )+)+

        /// All settings, in the order of the documentation.
        pub const SETTINGS: &[Row] = &[
            $($(Row {
                group: $group,
                description: concat!($($description),+),
                setting: Setting::$kind($name),
            },)+)+
        ];
    };
}

settings! {
    "Service" {
        /// Where the Worker runs. Only `local` allows plain http, the mail outbox and the open default admin. `npm run deploy` sets
        /// it.
        ENVIRONMENT: Choice = Choice::of(&["production", "staging", "local"]);
        /// The address of the pages that links in mails lead to: an https origin, with a path if they are not at the root. It is also
        /// the `iss` and `aud` of tokens.
        APP_URL: Text = Text::OPTIONAL.locally("http://localhost:8787").required("in a deployment");
        /// Other origins whose pages may call `/api/auth` with a bearer token and read the responses, exactly as browsers send
        /// them, with commas between them: `https://app.example.com, https://example.org:8443`.
        CORS_ORIGINS: Text = Text::OPTIONAL;
        /// The origins of apps on the same site as `APP_URL` whose pages use the session of this service, exactly as browsers send
        /// them, with commas between them: `https://app.example.com, https://shop.example.com`. Users can also return to them after
        /// signing in. See [inside an app](inside-an-app.md).
        APP_ORIGINS: Text = Text::OPTIONAL;
        /// The domain whose servers get the session token in an additional cookie, for apps that render pages on a server:
        /// `example.com`. Every host below the domain gets the token, so all of them must be yours. It is the host of `APP_URL` or
        /// a parent domain of it. By default, no other host gets a cookie. See [inside an app](inside-an-app.md).
        SESSION_COOKIE_DOMAIN: Text = Text::OPTIONAL;
        /// The domain that passkeys belong to (RP ID): the host of `APP_URL`, which is the default, or a parent domain of it, so that pages
        /// of its other subdomains can use the same passkeys. A change makes all existing passkeys useless.
        PASSKEY_RP_ID: Text = Text::OPTIONAL;
        /// The name of the service in mails and on the pages. It is rejected as a password.
        SERVICE_NAME: Text = Text::or("Postern");
        /// The color of buttons and links on the pages and in mails, and of the name of the service at the top of mails, as six hexadecimal
        /// digits. It is lightened or darkened until text is readable.
        BRAND_COLOR: Text = Text::or("0f6e75");
        /// Where to report security problems: email addresses or https URLs, with commas between them. They are published at
        /// `/.well-known/security.txt` (RFC 9116). Without this setting, that path returns 404.
        SECURITY_CONTACT: Text = Text::OPTIONAL;
        /// With `on`, `GET /me` and `GET /verify-token` read from the nearest replica of the database, if D1 read replication is
        /// enabled. A session or an invitation that has ended may then still pass there for up to two minutes. All other
        /// endpoints reject it at once.
        READ_REPLICAS: Choice = Choice::of(&["off", "on"]);
    }
    "Secrets" {
        /// The secret that all keys are derived from, with at least 32 characters. `npm start` and `npm run deploy` create one;
        /// `openssl rand -base64 32` makes a good one.
        AUTH_SECRET: Text = Text::SECRET.required("always");
        /// The previous `AUTH_SECRET`. Tokens made with it stay valid while it is set.
        AUTH_SECRET_PREVIOUS: Text = Text::SECRET;
    }
    "Mail" {
        /// The mail providers, with commas between them: if the first fails, the next is tried. `outbox` sends no mail and shows it at
        /// `/dev/outbox`.
        MAIL_PROVIDER: Choice =
            Choice::list_of(&["resend", "postmark", "sendgrid", "mailgun", "cloudflare", "outbox"]).locally("outbox");
        /// The sender: an address, or `Name <address>`. Every provider must have verified its domain.
        MAIL_FROM: Text = Text::OPTIONAL.required("with a mail provider");
        /// The API key for Resend.
        RESEND_API_KEY: Text = Text::SECRET.required("with `resend`");
        /// The server token for Postmark.
        POSTMARK_SERVER_TOKEN: Text = Text::SECRET.required("with `postmark`");
        /// The API key for SendGrid.
        SENDGRID_API_KEY: Text = Text::SECRET.required("with `sendgrid`");
        /// The API key for Mailgun.
        MAILGUN_API_KEY: Text = Text::SECRET.required("with `mailgun`");
        /// The domain that Mailgun sends from.
        MAILGUN_DOMAIN: Text = Text::OPTIONAL.required("with `mailgun`");
        /// The Mailgun region of that domain.
        MAILGUN_REGION: Choice = Choice::of(&["us", "eu"]);
        /// The signing secret of the webhook in Resend, `whsec_…`. With it, bounces and complaints are received at
        /// `/webhooks/mail/resend`.
        RESEND_WEBHOOK_SECRET: Text = Text::SECRET;
        /// The password in the URL of the webhook in Postmark, with at least 16 characters. With it, bounces and complaints are received
        /// at `/webhooks/mail/postmark`.
        POSTMARK_WEBHOOK_PASSWORD: Text = Text::SECRET;
        /// The verification key of the signed event webhook in SendGrid. With it, bounces and complaints are received at
        /// `/webhooks/mail/sendgrid`.
        SENDGRID_WEBHOOK_PUBLIC_KEY: Text = Text::OPTIONAL;
        /// The HTTP webhook signing key of Mailgun. With it, bounces and complaints are received at `/webhooks/mail/mailgun`.
        MAILGUN_WEBHOOK_KEY: Text = Text::SECRET;
    }
    "First account" {
        /// What `admin` / `admin` can do before its password is changed: everything (`open`), or only see itself and change the
        /// password (`restricted`).
        DEFAULT_ADMIN: Choice = Choice::of(&["restricted", "open"]).locally("open");
        /// The email of the first account, which replaces `admin`.
        ADMIN_EMAIL: Text = Text::OPTIONAL.required("for the first deployment");
        /// The password of the first account.
        ADMIN_PASSWORD: Text = Text::SECRET.required("for the first deployment");
    }
    "Signing up and in" {
        /// Who can sign up. `invitation`: invited users only. `open`: everyone. `domains:example.com,*.example.org`: everyone with an
        /// email at these domains (`*.` stands for all subdomains). `approval`: everyone whom an admin approves. `closed`: nobody;
        /// admins create the accounts. Invitations work in every mode but `closed`.
        SIGN_UP: Text = Text::or("invitation");
        /// Whether users can sign in with a code that they get by email.
        EMAIL_SIGN_IN: Choice = Choice::of(&["on", "off"]);
        /// Whether users get a mail when someone signs in to their account from a new device. The first device of a user causes no mail.
        NEW_DEVICE_MAIL: Choice = Choice::of(&["on", "off"]);
        /// How much of the place of a sign-in or an action is stored: the `country`, the country and the `city`, or nothing (`off`). Users
        /// see the place in their sessions and events, and in security notices. Cloudflare estimates it from the IP address. Whatever the
        /// value, a keyed hash of browser, system, country and network identifies a device. A change does not remove places that are
        /// already stored.
        LOCATION: Choice = Choice::of(&["country", "city", "off"]);
        /// How session tokens are signed: `EdDSA` (Ed25519), or `ES256` (ECDSA on P-256) for services whose libraries cannot verify
        /// Ed25519, see [verifying tokens](verify-tokens.md). Tokens of both algorithms are accepted, and the keys of both are
        /// published, so a change ends no session. A session gets a token of the new algorithm when its token is refreshed.
        SESSION_TOKEN_ALGORITHM: Choice = Choice::of(&["EdDSA", "ES256"]);
    }
    "Identity providers" {
        /// The [identity providers](identity-providers.md) that users can sign in with, with commas between them: `google`, `github`,
        /// `apple`, `microsoft`, or a name of your choice for any other OpenID Provider, such as `acme`, which has the settings `OIDC_ACME_…`.
        IDENTITY_PROVIDERS: Text = Text::OPTIONAL;
        /// With `verified`, a sign-in with a provider opens the account that has the same email, if that email
        /// [counts as verified](identity-providers.md#whose-email-is-it). With `off`, only users themselves link a provider, on their
        /// account page.
        ACCOUNT_LINKING: Choice = Choice::of(&["verified", "off"]);
        /// The client ID at Google.
        GOOGLE_CLIENT_ID: Text = Text::OPTIONAL.required("with `google`");
        /// The client secret at Google.
        GOOGLE_CLIENT_SECRET: Text = Text::SECRET.required("with `google`");
        /// The client ID at GitHub.
        GITHUB_CLIENT_ID: Text = Text::OPTIONAL.required("with `github`");
        /// The client secret at GitHub.
        GITHUB_CLIENT_SECRET: Text = Text::SECRET.required("with `github`");
        /// The Services ID at Apple.
        APPLE_CLIENT_ID: Text = Text::OPTIONAL.required("with `apple`");
        /// The Team ID at Apple.
        APPLE_TEAM_ID: Text = Text::OPTIONAL.required("with `apple`");
        /// The ID of the private key at Apple.
        APPLE_KEY_ID: Text = Text::OPTIONAL.required("with `apple`");
        /// The private key from Apple: the text of the `.p8` file.
        APPLE_PRIVATE_KEY: Text = Text::SECRET.required("with `apple`");
        /// The Application (client) ID at Microsoft.
        MICROSOFT_CLIENT_ID: Text = Text::OPTIONAL.required("with `microsoft`");
        /// The client secret at Microsoft: its value, not its ID.
        MICROSOFT_CLIENT_SECRET: Text = Text::SECRET.required("with `microsoft`");
        /// Who can sign in with Microsoft: `common` (everyone), `organizations`, `consumers`, or the ID of a tenant.
        MICROSOFT_TENANT: Text = Text::or("common");
        /// The issuer of the OpenID Provider `<NAME>`, exactly as in its discovery document.
        OIDC_ISSUER: Text = Text::OPTIONAL.of_each("OIDC_<NAME>_ISSUER").required("for each `<NAME>`");
        /// The client ID at this provider.
        OIDC_CLIENT_ID: Text = Text::OPTIONAL.of_each("OIDC_<NAME>_CLIENT_ID").required("for each `<NAME>`");
        /// The client secret at this provider. Leave it out if the provider has registered this service as a public client.
        OIDC_CLIENT_SECRET: Text = Text::SECRET.of_each("OIDC_<NAME>_CLIENT_SECRET");
        /// The name on the button. The default is the name in `IDENTITY_PROVIDERS`, with a capital letter.
        OIDC_LABEL: Text = Text::OPTIONAL.of_each("OIDC_<NAME>_LABEL");
        /// The scopes to request, with spaces between them.
        OIDC_SCOPES: Text = Text::or("openid email profile").of_each("OIDC_<NAME>_SCOPES");
        /// Whether the claim `email_verified` of this provider counts: `ignored`, or `trusted` if it owns the addresses or verifies each of
        /// them itself. With `trusted`, the provider can sign in to the account of every email that it names.
        OIDC_VERIFIED_EMAILS: Text = Text::or("ignored").of_each("OIDC_<NAME>_VERIFIED_EMAILS");
    }
    "Second factors" {
        /// Who must have a second factor: nobody (`optional`), `admins`, or `everybody`. Users who must have
        /// a second factor and have none can sign in, but can then only set one up.
        SECOND_FACTOR: Choice = Choice::of(&["optional", "admins", "everybody"]);
    }
    "Captcha" {
        /// The site key of a [Cloudflare Turnstile](operate.md#turnstile) widget. With it, the forms to sign up, sign in by email and
        /// reset a password require a captcha. Requires `TURNSTILE_SECRET_KEY`.
        TURNSTILE_SITE_KEY: Text = Text::OPTIONAL;
        /// The secret key of that widget.
        TURNSTILE_SECRET_KEY: Text = Text::SECRET;
    }
    "Passwords" {
        /// The minimum number of characters in a password. The maximum is always 128.
        PASSWORD_MIN_LENGTH: Number = Number::between(password::MIN_LENGTH as i64, 64).or(password::MIN_LENGTH as i64);
        /// With `range`, new passwords are also checked against Pwned Passwords, which sees no more than the first 20 bits of the
        /// SHA-1 hash. If it does not respond within two seconds, only the Worker's own list of common passwords counts.
        BREACHED_PASSWORDS: Choice = Choice::of(&["off", "range"]);
        /// What a link to set a password contains: a JWT (`jwt`) whose claims clients can read, or a random token (`opaque`), which makes
        /// the link much shorter. Links of both kinds are accepted, so a change breaks no link that was already sent.
        PASSWORD_RESET_TOKEN: Choice = Choice::of(&["jwt", "opaque"]);
        /// The memory for a password hash (argon2id), in KiB. When a user logs in, a hash with other parameters is replaced.
        ARGON2_MEMORY_KIB: Number = Number::between(19_456, 65_536).or(19_456);
        /// The passes of a password hash.
        ARGON2_ITERATIONS: Number = Number::between(2, 16).or(2);
        /// The lanes of a password hash.
        ARGON2_PARALLELISM: Number = Number::between(1, 4).or(1);
    }
    "Lifetimes" {
        /// The lifetime of a session, from its login or last refresh.
        SESSION_LIFETIME_SECONDS: Number = Number::between(60, 365 * DAY).or(7 * DAY);
        /// The lifetime of a session, from its login, however often it is refreshed.
        SESSION_MAXIMUM_LIFETIME_SECONDS: Number = Number::between(60, 365 * DAY).or(30 * DAY);
        /// The lifetime of a password reset link.
        RESET_TOKEN_LIFETIME_SECONDS: Number = Number::between(60, DAY).or(900);
        // KV stores nothing for less than 60 seconds.
        /// How long a code sent by email is valid: to verify an email, sign in, sign up or confirm who you are. Codes for a change of the
        /// email address are always valid for 10 minutes.
        OTP_LIFETIME_SECONDS: Number = Number::between(60, 3_600).or(600);
        /// The lifetime of a user token, unless the request sets another one.
        USER_TOKEN_LIFETIME_DAYS: Number = Number::between(1, 365).or(90);
        /// How long the audit log keeps an event.
        EVENT_RETENTION_DAYS: Number = Number::between(1, 3_650).or(90);
    }
}

/// Returns the name of a setting: its own, or that of its constant.
const fn named(own: &'static str, constant: &'static str) -> &'static str {
    if own.is_empty() { constant } else { own }
}

impl Text {
    const OPTIONAL: Text = Text { name: "", default: "", local: "", is_secret: false, required: "" };
    const SECRET: Text = Text { is_secret: true, ..Text::OPTIONAL };

    const fn or(default: &'static str) -> Text {
        Text { default, ..Text::OPTIONAL }
    }

    const fn locally(self, local: &'static str) -> Text {
        Text { local, ..self }
    }

    /// There is one of it for each OpenID Provider, with the provider's name instead of `<NAME>`.
    const fn of_each(self, name: &'static str) -> Text {
        Text { name, ..self }
    }

    const fn required(self, required: &'static str) -> Text {
        Text { required, ..self }
    }
}

impl Choice {
    const fn of(choices: &'static [&'static str]) -> Choice {
        Choice { name: "", choices, local: "", is_list: false }
    }

    const fn list_of(choices: &'static [&'static str]) -> Choice {
        Choice { is_list: true, ..Choice::of(choices) }
    }

    const fn locally(self, local: &'static str) -> Choice {
        Choice { local, ..self }
    }
}

impl Number {
    const fn between(min: i64, max: i64) -> Number {
        Number { name: "", default: min, min, max }
    }

    const fn or(self, default: i64) -> Number {
        Number { default, ..self }
    }
}
