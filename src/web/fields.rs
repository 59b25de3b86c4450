//! Parses the fields of bodies and queries. All invalid fields of a request are reported at once.
//!
//! A request is a struct with `#[derive(FromFields)]`. The type of each of its fields has the rules for the field, and its schema in
//! the API description, so both are written once:
//!
//! ```text
//! #[derive(FromFields)]
//! pub struct Invitation {
//!     /// The recipient of the sign-up link.
//!     pub email: Email,
//! }
//!
//! let Invitation { email } = request.json(app)?;
//! ```

use std::borrow::Cow;

use serde_json::{Map, Value};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};

use crate::{
    domain::password::Policy,
    error::{Error, Fault, FieldProblem},
    language::Phrase,
};

/// A struct that is parsed from a body or a query. The derive macro of the same name implements it.
pub trait FromFields: Sized {
    /// Reads the fields. Returns `None` if one is invalid; the reader has recorded why.
    fn read(reader: &mut Reader<'_>, policy: &Policy<'_>) -> Option<Self>;
}

/// Two structs that are parsed from the same query, such as a filter and a page.
impl<A: FromFields, B: FromFields> FromFields for (A, B) {
    fn read(reader: &mut Reader<'_>, policy: &Policy<'_>) -> Option<Self> {
        let (first, second) = (A::read(reader, policy), B::read(reader, policy));
        Some((first?, second?))
    }
}

/// The type of a field. It has the rules for the field and its schema.
pub trait Field: Sized {
    /// Whether the field must be present.
    const IS_REQUIRED: bool = true;
    /// Whether the field can be null.
    const IS_NULLABLE: bool = false;

    /// Returns the value of a field that is absent. `None` if the field is required.
    fn absent() -> Option<Self> {
        None
    }

    /// Parses the value of a field. The policy is for new passwords.
    ///
    /// # Errors
    /// Why the value is invalid.
    fn parse(input: Input<'_>, policy: &Policy<'_>) -> Result<Self, Fault>;

    /// Returns the schema. If the field can be null, the schema of the other values.
    fn schema() -> RefOr<Schema>;
}

/// The value of a field before it is parsed.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A member of a JSON object, or the text of a form field.
    Body(&'a Value),
    /// The text of a query parameter, which can also mean a number or a boolean.
    Query(&'a str),
}

impl<'a> Input<'a> {
    /// Returns the text.
    ///
    /// # Errors
    /// If it is not a string.
    pub fn text(self) -> Result<&'a str, Fault> {
        match self {
            Input::Body(Value::String(text)) => Ok(text),
            Input::Query(text) => Ok(text),
            Input::Body(_) => Err((Phrase::String, "string_type")),
        }
    }
}

/// The fields of a body or a query, before they are parsed.
#[derive(Debug)]
pub enum Fields<'a> {
    /// The members of a JSON object or a form.
    Body(Map<String, Value>),
    /// The parameters of a query, in their order.
    Query(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

impl<'a> Fields<'a> {
    /// Decodes a query.
    pub fn of_query(query: &'a str) -> Self {
        Fields::Query(form_urlencoded::parse(query.as_bytes()).collect())
    }

    /// Parses the fields.
    ///
    /// # Errors
    /// 422 with every invalid field.
    pub fn parse<T: FromFields>(&self, policy: &Policy<'_>) -> Result<T, Error> {
        let mut reader = Reader { fields: self, problems: Vec::new() };
        T::read(&mut reader, policy).ok_or(Error::Invalid(reader.problems))
    }

    /// Parses one field. For an endpoint that uses a field although others are invalid.
    ///
    /// # Errors
    /// Why the field is invalid.
    pub fn field<T: Field>(&self, name: &str, policy: &Policy<'_>) -> Result<T, Fault> {
        match self.get(name, T::IS_REQUIRED) {
            Some(input) => T::parse(input, policy),
            None => T::absent().ok_or_else(|| {
                let phrase = match self {
                    Fields::Body(_) => Phrase::Missing,
                    Fields::Query(_) => Phrase::MissingFromQuery,
                };
                (phrase, "missing")
            }),
        }
    }

    /// Returns whether a field is there and neither null nor an empty text.
    pub fn has(&self, name: &str) -> bool {
        self.get(name, true).is_some_and(|input| match input {
            Input::Body(value) => !value.is_null() && value.as_str() != Some(""),
            Input::Query(text) => !text.is_empty(),
        })
    }

    /// Of a parameter that is given more than once, the first value counts. An empty value of an optional parameter does not count.
    fn get(&self, name: &str, is_required: bool) -> Option<Input<'_>> {
        match self {
            Fields::Body(members) => members.get(name).map(Input::Body),
            Fields::Query(parameters) => {
                let counts = |value: &str| is_required || !value.is_empty();
                parameters
                    .iter()
                    .find(|(known, value)| known == name && counts(value))
                    .map(|(_, value)| Input::Query(value))
            }
        }
    }
}

/// Reads fields and collects the invalid ones.
#[derive(Debug)]
pub struct Reader<'a> {
    fields: &'a Fields<'a>,
    problems: Vec<FieldProblem>,
}

impl Reader<'_> {
    /// Reads a field. Returns `None` if it is invalid, and records why.
    pub fn field<T: Field>(&mut self, name: &'static str, policy: &Policy<'_>) -> Option<T> {
        let (phrase, kind) = match self.fields.field(name, policy) {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let place = match self.fields {
            Fields::Body(_) => "body",
            Fields::Query(_) => "query",
        };
        self.problems.push(FieldProblem { loc: vec![place, name], phrase, kind });
        None
    }
}

/// A field that can be absent or null.
impl<T: Field> Field for Option<T> {
    const IS_REQUIRED: bool = false;
    const IS_NULLABLE: bool = true;

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn parse(input: Input<'_>, policy: &Policy<'_>) -> Result<Self, Fault> {
        if matches!(input, Input::Body(Value::Null)) { Ok(None) } else { T::parse(input, policy).map(Some) }
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

/// A field that must be present and can be null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Field> Field for Nullable<T> {
    const IS_NULLABLE: bool = true;

    fn parse(input: Input<'_>, policy: &Policy<'_>) -> Result<Self, Fault> {
        Option::parse(input, policy).map(Nullable)
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

/// A field of a change: absent to keep the value, null to remove it (as in RFC 7396).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch<T>(pub Option<Option<T>>);

impl<T: Field> Field for Patch<T> {
    const IS_REQUIRED: bool = false;
    const IS_NULLABLE: bool = true;

    fn absent() -> Option<Self> {
        Some(Patch(None))
    }

    fn parse(input: Input<'_>, policy: &Policy<'_>) -> Result<Self, Fault> {
        Option::parse(input, policy).map(|value| Patch(Some(value)))
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

/// Any text.
impl Field for String {
    fn parse(input: Input<'_>, _: &Policy<'_>) -> Result<Self, Fault> {
        input.text().map(str::to_owned)
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl Field for bool {
    fn parse(input: Input<'_>, _: &Policy<'_>) -> Result<Self, Fault> {
        match input {
            Input::Body(Value::Bool(value)) => Ok(*value),
            Input::Query("true") => Ok(true),
            Input::Query("false") => Ok(false),
            _ => Err((Phrase::Boolean, "boolean_type")),
        }
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Integer<MIN, MAX> {
    /// Returns the number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Field for Integer<MIN, MAX> {
    fn parse(input: Input<'_>, _: &Policy<'_>) -> Result<Self, Fault> {
        let value = match input {
            Input::Body(Value::Number(number)) => Some(number.as_i64()),
            Input::Query(text) => text.parse().ok().map(Some),
            Input::Body(_) => None,
        };
        match value {
            Some(Some(value)) if (MIN..=MAX).contains(&value) => Ok(Integer(value)),
            Some(_) => Err((Phrase::IntegerRange { min: MIN, max: MAX }, "integer_range")),
            None => Err((Phrase::Integer, "integer_type")),
        }
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(MIN))
            .maximum(Some(MAX))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use postern_macros::FromFields;
    use serde_json::json;

    use super::*;
    use crate::domain::{email::Email, password::NewPassword, return_to::Origins};

    const POLICY: Policy<'_> = Policy { min_length: 8, service_name: "Postern", email: None, origins: Origins::NONE };

    /// A request with every kind of field.
    #[derive(Debug, PartialEq, FromFields)]
    struct Sample {
        /// A text.
        #[field(example = "x")]
        a: String,
        /// A number.
        b: Option<Integer<1, 365>>,
        /// A boolean.
        c: Option<bool>,
        /// A nullable text.
        d: Nullable<String>,
        /// A change.
        r#type: Patch<String>,
    }

    /// A new account.
    #[derive(FromFields)]
    struct Account {
        #[field(password_owner)]
        email: Email,
        password: Option<NewPassword>,
    }

    fn body(value: Value) -> Fields<'static> {
        Fields::Body(value.as_object().unwrap().clone())
    }

    fn problems<T: FromFields>(fields: &Fields<'_>) -> Vec<(Vec<&'static str>, &'static str)> {
        let Some(Error::Invalid(problems)) = fields.parse::<T>(&POLICY).err() else { panic!("{fields:?}") };
        problems.into_iter().map(|problem| (problem.loc, problem.kind)).collect()
    }

    #[test]
    fn all_invalid_fields_are_reported_at_once() {
        let fields = body(json!({ "a": 1, "b": 400, "c": "true", "type": [] }));
        assert_eq!(
            problems::<Sample>(&fields),
            [
                (vec!["body", "a"], "string_type"),
                (vec!["body", "b"], "integer_range"),
                (vec!["body", "c"], "boolean_type"),
                (vec!["body", "d"], "missing"),
                (vec!["body", "type"], "string_type"),
            ]
        );
        let fields = body(json!({ "a": null, "b": "7", "d": null }));
        assert_eq!(
            problems::<Sample>(&fields),
            [(vec!["body", "a"], "string_type"), (vec!["body", "b"], "integer_type")]
        );
        assert_eq!(
            problems::<Sample>(&body(json!({ "a": "", "b": 1.5, "d": "" }))),
            [(vec!["body", "b"], "integer_range")]
        );
    }

    #[test]
    fn an_optional_field_can_be_absent_or_null() {
        let expected = Sample { a: "x".to_owned(), b: None, c: None, d: Nullable(None), r#type: Patch(None) };
        for fields in [json!({ "a": "x", "d": null }), json!({ "a": "x", "b": null, "c": null, "d": null, "e": 1 })] {
            assert_eq!(body(fields).parse::<Sample>(&POLICY).unwrap(), expected);
        }
    }

    #[test]
    fn a_change_tells_null_from_absent() {
        let read = |value| body(json!({ "a": "", "d": "", "type": value })).parse::<Sample>(&POLICY).unwrap().r#type;
        assert_eq!(read(json!(null)), Patch(Some(None)));
        assert_eq!(read(json!("x")), Patch(Some(Some("x".to_owned()))));
    }

    #[test]
    fn numbers_and_booleans_are_text_in_a_query_only() {
        let query = Fields::of_query("a=&b=&b=7&b=9&c=false&d=x");
        let Sample { a, b, c, .. } = query.parse(&POLICY).unwrap();
        assert_eq!((a.as_str(), b.map(Integer::get), c), ("", Some(7), Some(false)));
        assert_eq!(
            problems::<Sample>(&Fields::of_query("b=x&c=1&d=x")),
            [
                (vec!["query", "a"], "missing"),
                (vec!["query", "b"], "integer_type"),
                (vec!["query", "c"], "boolean_type")
            ]
        );
    }

    #[test]
    fn a_password_must_not_be_the_email_before_it() {
        let fields = body(json!({ "email": "ada.lovelace@example.com", "password": "Ada.Lovelace" }));
        assert_eq!(problems::<Account>(&fields), [(vec!["body", "password"], "password_guessable")]);
        let fields = body(json!({ "email": "ada", "password": "Ada.Lovelace" }));
        assert_eq!(problems::<Account>(&fields), [(vec!["body", "email"], "email")]);
        let fields = body(json!({ "email": "ada.lovelace@example.com", "password": "correct horse" }));
        let Account { email, password } = fields.parse(&POLICY).unwrap();
        assert_eq!((email.as_str(), password.unwrap().as_str()), ("ada.lovelace@example.com", "correct horse"));
    }

    #[test]
    fn the_schema_of_a_request_comes_from_its_fields() {
        let schema = |schema| serde_json::to_value(schema).unwrap();
        assert_eq!(
            schema(<Sample as utoipa::PartialSchema>::schema()),
            json!({
                "type": "object",
                "description": "A request with every kind of field.",
                "required": ["a", "d"],
                "properties": {
                    "a": { "type": "string", "description": "A text.", "examples": ["x"] },
                    "b": { "type": ["integer", "null"], "format": "int64", "description": "A number.", "minimum": 1, "maximum": 365 },
                    "c": { "type": ["boolean", "null"], "description": "A boolean." },
                    "d": { "type": ["string", "null"], "description": "A nullable text." },
                    "type": { "type": ["string", "null"], "description": "A change." },
                },
            })
        );
    }
}
