//! The types of the domain as fields of requests: how each is parsed, and its schema.

use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type},
};

use super::fields::{Field, Input};
use crate::{
    domain::{
        email::{Email, LoginName},
        event::Actions,
        name::{self, Name},
        note::{self, Note},
        one_time_password::{Code, SessionToken},
        passkey::{AuthenticationResponse, RegistrationResponse},
        password::{self, NewPassword, Password, Policy},
        recovery_code::RecoveryCode,
        return_to::{self, ReturnTo},
        user::{Role, UserOrder},
        user_token::Referrer,
    },
    error::Fault,
    language::{Language, Phrase},
};

/// Implements [`Field`] for types that are parsed from a text: `Type: |text, policy| …, schema;`
macro_rules! text_fields {
    ($($type:ty: |$text:ident, $policy:ident| $parse:expr, $schema:expr;)*) => {
        $(impl Field for $type {
            fn parse(input: Input<'_>, $policy: &Policy<'_>) -> Result<Self, Fault> {
                let $text = input.text()?;
                $parse
            }

            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        })*
    };
}

text_fields! {
    Email: |text, _policy| Email::parse(text), string("ada@example.com").description(Some(
        "Case and surrounding spaces do not matter. An internationalized domain can be in Unicode; it is \
         stored and returned in its ASCII form (`xn--…`).",
    ));
    LoginName: |text, _policy| Ok(LoginName::new(text)), string("ada@example.com");
    Password: |text, _policy| Ok(Password::new(text)), password();
    NewPassword: |text, policy| NewPassword::parse(text, policy), password()
        .description(Some(
            "All characters are allowed. Two Unicode spellings of the same text are the same password. Common passwords, the email and the name \
             of the service are refused. A deployment can require more characters.",
        ))
        .min_length(Some(password::MIN_LENGTH))
        .max_length(Some(password::MAX_LENGTH));
    Name: |text, _policy| Name::parse(text), string("Ada")
        .description(Some("Spaces around it are removed; control characters are refused."))
        .min_length(Some(1))
        .max_length(Some(name::MAX_LENGTH));
    Note: |text, _policy| Note::parse(text), string("I am in the chess club.")
        .description(Some("Spaces around it are removed; control characters are refused."))
        .min_length(Some(1))
        .max_length(Some(note::MAX_LENGTH));
    Language: |text, _policy| language(text),
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Language::ALL.iter().map(|language| language.tag())));
    Role: |text, _policy| Role::parse(text), Ref::from_schema_name(Role::name());
    UserOrder: |text, _policy| UserOrder::parse(text),
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(UserOrder::names()));
    Actions: |text, _policy| Actions::parse(text), ObjectBuilder::new().schema_type(Type::String);
    Referrer: |text, _policy| Ok(Referrer::new(text)), string("aZ09aZ09aZ");
    Code: |text, _policy| Code::parse(text), string("123456").min_length(Some(1));
    RecoveryCode: |text, _policy| RecoveryCode::parse(text), string("01abc-23xyz").min_length(Some(1)).description(Some(
        "Case, spaces and hyphens do not matter, and the letters `o`, `i` and `l` count as the digits that they look like.",
    ));
    ReturnTo: |text, policy| ReturnTo::parse(text, policy.origins), string("https://app.example.com/welcome")
        .description(Some(
            "`/account` or `/admin` of this service, also with a query or fragment, or a URL of one of the `app_origins` in \
             `GET /config`. URLs must begin exactly as listed, and have only printable ASCII.",
        ))
        .max_length(Some(return_to::MAX_LENGTH));
    SessionToken: |text, _policy| SessionToken::parse(text), ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
}

/// Implements [`Field`] for the credentials of browsers, which are objects: `Type: name, [member, …];`
macro_rules! credential_fields {
    ($($type:ty: $name:literal, [$($member:literal),*];)*) => {
        $(impl Field for $type {
            fn parse(input: Input<'_>, _: &Policy<'_>) -> Result<Self, Fault> {
                match input {
                    Input::Body(value) => Self::parse(value),
                    Input::Query(text) => Self::parse(&json!(text)),
                }
            }

            fn schema() -> RefOr<Schema> {
                credential($name, &[$($member),*]).into()
            }
        })*
    };
}

credential_fields! {
    RegistrationResponse: "RegistrationResponseJSON", ["clientDataJSON", "attestationObject"];
    AuthenticationResponse: "AuthenticationResponseJSON", ["clientDataJSON", "authenticatorData", "signature"];
}

/// Returns the schema of a credential. Browsers send more members than those that are read.
fn credential(name: &str, members: &[&str]) -> ObjectBuilder {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let response = members.iter().fold(ObjectBuilder::new().schema_type(Type::Object), |response, member| {
        response.property(*member, text().description(Some("In base64url."))).required(*member)
    });
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(format!("The `{name}` of Web Authentication Level 3.")))
        .property("id", text().description(Some("In base64url.")))
        .property("rawId", text().description(Some("The same as `id`.")))
        .property("type", text().enum_values(Some(["public-key"])))
        .property("response", response)
        .required("id")
        .required("rawId")
        .required("type")
        .required("response")
}

/// A named schema, because requests and responses share it.
impl PartialSchema for Role {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What a user may do."))
            .enum_values(Some(Role::ALL.map(Role::as_str)))
            .into()
    }
}

impl ToSchema for Role {}

fn language(text: &str) -> Result<Language, Fault> {
    Language::parse(text).ok_or_else(|| {
        let tags: Vec<&str> = Language::ALL.iter().map(|language| language.tag()).collect();
        (Phrase::Choice { choices: tags.join(", ") }, "choice")
    })
}

fn string(example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples([json!(example)])
}

fn password() -> ObjectBuilder {
    string("correct horse battery staple").format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
}
