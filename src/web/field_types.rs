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
        event::Action,
        name::{self, Name},
        one_time_password::{Code, SessionToken},
        password::{self, NewPassword, Password, Policy},
        user::Role,
        user_token::Referrer,
    },
    error::Fault,
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
    Role: |text, _policy| Role::parse(text), Ref::from_schema_name(Role::name());
    Action: |text, _policy| Action::parse(text), ObjectBuilder::new().schema_type(Type::String);
    Referrer: |text, _policy| Ok(Referrer::new(text)), string("aZ09aZ09aZ");
    Code: |text, _policy| Code::parse(text), string("123456").min_length(Some(1));
    SessionToken: |text, _policy| SessionToken::parse(text), ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
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

fn string(example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples([json!(example)])
}

fn password() -> ObjectBuilder {
    string("correct horse battery staple").format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
}
