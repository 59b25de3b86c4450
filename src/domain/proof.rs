//! How a user has proven who they are in a session, and how much that is worth.

use strum::{EnumString, IntoStaticStr};

/// A way in which users prove who they are. The names are those of the database and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Method {
    /// The password.
    Password,
    /// A code or a link that was sent to the verified email.
    EmailCode,
    /// A sign-in with an identity provider, whose own factors are unknown here.
    Provider,
    /// A code of an authenticator app (RFC 6238).
    Totp,
    /// A passkey that has verified the user (WebAuthn Level 3, section 6.1, flag UV).
    Passkey,
    /// A recovery code. It replaces the second factor and is never the only proof.
    RecoveryCode,
}

impl Method {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How strong a session is. Users can require a level of all their sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One factor.
    One,
    /// Two factors: two methods, or a passkey, which is a device and what unlocks it.
    Two,
}

impl Level {
    /// Returns the level as a number, as it is stored.
    pub fn number(self) -> i64 {
        match self {
            Level::One => 1,
            Level::Two => 2,
        }
    }

    /// Returns the claim `acr` (OpenID Connect Core 1.0, section 2).
    pub fn acr(self) -> &'static str {
        match self {
            Level::One => "1",
            Level::Two => "2",
        }
    }
}

/// The methods by which a session was proven. They decide its level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof(Vec<Method>);

impl Proof {
    /// Returns the proof by one method.
    pub fn by(method: Method) -> Proof {
        Proof(vec![method])
    }

    /// Adds a method.
    #[must_use]
    pub fn and(mut self, method: Method) -> Proof {
        if !self.0.contains(&method) {
            self.0.push(method);
        }
        self
    }

    /// Returns what the methods are worth together.
    pub fn level(&self) -> Level {
        let has = |method| self.0.contains(&method);
        let has_second_step = has(Method::Totp) || has(Method::RecoveryCode);
        let has_first_step = has(Method::Password) || has(Method::EmailCode) || has(Method::Provider);
        if has(Method::Passkey) || has_first_step && has_second_step { Level::Two } else { Level::One }
    }

    /// Returns the methods, in the order in which they were used.
    pub fn methods(&self) -> &[Method] {
        &self.0
    }

    /// Returns the names of the methods, as the API lists them.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|method| method.as_str()).collect()
    }

    /// Parses the names of methods with spaces between them, the format of the database. A name that this version does not know counts for
    /// nothing.
    pub fn parse(text: &str) -> Proof {
        text.split(' ').filter_map(|name| name.parse().ok()).fold(Proof::default(), Proof::and)
    }

    /// Returns the names with spaces between them, the format of the database.
    pub fn to_text(&self) -> String {
        self.names().join(" ")
    }

    /// Returns the claim `amr` (RFC 8176, section 2). A passkey proves the possession of a key and the presence of a verified user. The
    /// RFC has no value for identity providers; `fed`, for a federated sign-in, is the one that Microsoft Entra ID uses.
    pub fn amr(&self) -> Vec<&'static str> {
        let mut values: Vec<&'static str> = Vec::new();
        for method in &self.0 {
            let of_method: &[&str] = match method {
                Method::Password => &["pwd"],
                Method::EmailCode | Method::Totp | Method::RecoveryCode => &["otp"],
                Method::Passkey => &["pop", "user"],
                Method::Provider => &["fed"],
            };
            values.extend(of_method);
        }
        values.extend((self.level() == Level::Two).then_some("mfa"));
        values.dedup();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::{Method::*, *};

    fn proof(methods: &[Method]) -> Proof {
        methods.iter().fold(Proof::default(), |proof, method| proof.and(*method))
    }

    #[test]
    fn only_a_passkey_or_a_first_step_with_a_second_one_is_level_2() {
        for (methods, level) in [
            (&[][..], Level::One),
            (&[Password], Level::One),
            (&[Totp], Level::One),
            (&[RecoveryCode], Level::One),
            (&[Totp, RecoveryCode], Level::One),
            (&[Password, Password], Level::One),
            (&[Passkey], Level::Two),
            (&[Password, Totp], Level::Two),
            (&[Password, RecoveryCode], Level::Two),
            (&[Password, Passkey], Level::Two),
            (&[EmailCode], Level::One),
            (&[Password, EmailCode], Level::One),
            (&[EmailCode, Totp], Level::Two),
            (&[EmailCode, RecoveryCode], Level::Two),
            (&[Provider], Level::One),
            (&[Password, Provider], Level::One),
            (&[Provider, Totp], Level::Two),
            (&[Provider, RecoveryCode], Level::Two),
        ] {
            assert_eq!(proof(methods).level(), level, "{methods:?}");
        }
    }

    #[test]
    fn a_proof_is_stored_as_the_names_of_its_methods() {
        let all = proof(&[Password, EmailCode, Provider, Totp, Passkey, RecoveryCode]);
        assert_eq!(all.to_text(), "password email_code provider totp passkey recovery_code");
        assert_eq!(Proof::parse(&all.to_text()), all);
        assert_eq!(Proof::parse(""), Proof::default());
        assert_eq!(Proof::parse("password retina"), Proof::by(Password));
    }

    #[test]
    fn the_claims_are_those_of_rfc_8176() {
        assert_eq!(Proof::by(Password).amr(), ["pwd"]);
        assert_eq!(proof(&[Password, Totp]).amr(), ["pwd", "otp", "mfa"]);
        assert_eq!(proof(&[EmailCode, Totp]).amr(), ["otp", "mfa"]);
        assert_eq!(Proof::by(Passkey).amr(), ["pop", "user", "mfa"]);
        assert_eq!(proof(&[Provider, Totp]).amr(), ["fed", "otp", "mfa"]);
        assert_eq!([Level::One.acr(), Level::Two.acr()], ["1", "2"]);
    }
}
