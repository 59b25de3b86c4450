//! The members of a body or a query, taken one by one while every fault is kept: a 422 names all of them at once.

use serde_json::{Map, Value};

use crate::error::{Error, Fault, FieldProblem};

/// The members of a body or a query that are still to be read, and the faults found so far.
#[derive(Debug)]
pub struct Fields {
    place: Place,
    members: Map<String, Value>,
    problems: Vec<FieldProblem>,
}

/// Where the members are. In a query all of them are text, so numbers and truths are read from text there alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Body,
    Query,
}

/// A field's value, or the knowledge that it is faulty; [`Fields::check`] stands between it and the value.
#[derive(Debug)]
#[must_use]
pub struct Parsed<T>(Option<T>);

impl<T> Parsed<T> {
    /// The value, if the field was good.
    pub fn value(self) -> Option<T> {
        self.0
    }

    /// A look at the value, if the field was good.
    pub fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl Fields {
    /// The members of a JSON object or a form.
    pub fn new(members: Map<String, Value>) -> Self {
        Fields { place: Place::Body, members, problems: Vec::new() }
    }

    /// The parameters of a query: of a name that comes twice the first value counts, and an empty value is none.
    pub fn of_query(query: &str) -> Self {
        let mut members = Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            members.entry(name).or_insert_with(|| Value::String(value.into_owned()));
        }
        Fields { place: Place::Query, members, problems: Vec::new() }
    }

    /// A string that must be there, read by `parse`.
    pub fn required<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Fault>) -> Parsed<T> {
        match self.members.get(name) {
            None => self.fault(name, ("is missing".to_owned(), "missing")),
            Some(Value::String(text)) => match parse(text) {
                Ok(value) => Parsed(Some(value)),
                Err(fault) => self.fault(name, fault),
            },
            Some(_) => self.fault(name, ("must be a string".to_owned(), "string_type")),
        }
    }

    /// A string that may be left out or be null, read by `parse`.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Parsed<Option<T>> {
        match self.members.get(name) {
            None | Some(Value::Null) => Parsed(Some(None)),
            Some(_) => Parsed(self.required(name, parse).0.map(Some)),
        }
    }

    /// A string that may be left out, or be null to remove the value: `None` and `Some(None)`.
    pub fn nullable<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Parsed<Option<Option<T>>> {
        match self.members.get(name) {
            None => Parsed(Some(None)),
            Some(Value::Null) => Parsed(Some(Some(None))),
            Some(_) => Parsed(self.required(name, parse).0.map(|value| Some(Some(value)))),
        }
    }

    /// A string or null that must be there, read by `parse`.
    pub fn required_nullable<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Parsed<Option<T>> {
        match self.members.get(name) {
            Some(Value::Null) => Parsed(Some(None)),
            _ => Parsed(self.required(name, parse).0.map(Some)),
        }
    }

    /// A whole number in `range` that may be left out or be null.
    pub fn optional_integer(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Parsed<Option<i64>> {
        let number = match self.members.get(name) {
            None | Some(Value::Null) => return Parsed(Some(None)),
            Some(Value::Number(number)) => Some(number.as_i64()),
            Some(Value::String(text)) if self.place == Place::Query => text.parse().ok().map(Some),
            Some(_) => None,
        };
        let fault = match number {
            Some(Some(value)) if range.contains(&value) => return Parsed(Some(Some(value))),
            Some(_) => (format!("must be a whole number from {} to {}", range.start(), range.end()), "integer_range"),
            None => ("must be a whole number".to_owned(), "integer_type"),
        };
        self.fault(name, fault)
    }

    /// A truth that may be left out or be null.
    pub fn optional_boolean(&mut self, name: &'static str) -> Parsed<Option<bool>> {
        match self.members.get(name) {
            None | Some(Value::Null) => Parsed(Some(None)),
            Some(Value::Bool(value)) => Parsed(Some(Some(*value))),
            Some(Value::String(text)) if self.place == Place::Query && text == "true" => Parsed(Some(Some(true))),
            Some(Value::String(text)) if self.place == Place::Query && text == "false" => Parsed(Some(Some(false))),
            Some(_) => self.fault(name, ("must be true or false".to_owned(), "boolean_type")),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 with every fault found.
    pub fn check(&mut self) -> Result<(), Error> {
        if self.problems.is_empty() { Ok(()) } else { Err(Error::Invalid(std::mem::take(&mut self.problems))) }
    }

    /// The value of a field of a body that [`Fields::check`] has passed.
    ///
    /// # Errors
    /// 422 with every fault found.
    pub fn take<T>(&mut self, field: Parsed<T>) -> Result<T, Error> {
        self.check()?;
        field.0.ok_or_else(|| Error::Internal("a faulty field was not recorded".to_owned()))
    }

    fn fault<T>(&mut self, name: &'static str, (msg, kind): Fault) -> Parsed<T> {
        let place = match self.place {
            Place::Body => "body",
            Place::Query => "query",
        };
        self.problems.push(FieldProblem { loc: vec![place, name], msg, kind });
        Parsed(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        Fields::new(value.as_object().unwrap().clone())
    }

    fn any(text: &str) -> Result<String, Fault> {
        Ok(text.to_owned())
    }

    #[test]
    fn every_faulty_field_is_named_at_once() {
        let mut fields = fields(json!({ "b": 1, "c": 400, "d": "x", "e": 1.5, "f": [] }));
        let _ = fields.required("a", any);
        let _ = fields.required("b", any);
        let _ = fields.optional_integer("c", 1..=365);
        let _ = fields.optional("d", |_| Err::<(), _>(("is bad".to_owned(), "bad")));
        let _ = fields.optional_integer("e", 1..=365);
        let _ = fields.optional("f", any);
        let Err(Error::Invalid(problems)) = fields.check() else { panic!() };
        let named: Vec<_> = problems.iter().map(|problem| (problem.loc[1], problem.kind)).collect();
        assert_eq!(
            named,
            [
                ("a", "missing"),
                ("b", "string_type"),
                ("c", "integer_range"),
                ("d", "bad"),
                ("e", "integer_range"),
                ("f", "string_type")
            ]
        );
    }

    #[test]
    fn null_and_nothing_are_the_same_for_an_optional_field() {
        let mut fields = fields(json!({ "name": null }));
        assert_eq!(fields.optional("name", any).value(), Some(None));
        assert_eq!(fields.optional("other", any).value(), Some(None));
        assert!(fields.check().is_ok());
    }

    #[test]
    fn a_nullable_field_tells_null_from_nothing() {
        let mut fields = fields(json!({ "name": null, "other": "x" }));
        assert_eq!(fields.nullable("name", any).value(), Some(Some(None)));
        assert_eq!(fields.nullable("other", any).value(), Some(Some(Some("x".to_owned()))));
        assert_eq!(fields.nullable("absent", any).value(), Some(None));
        assert_eq!(fields.required_nullable("name", any).value(), Some(None));
        assert!(fields.check().is_ok());
        assert_eq!(fields.required_nullable("absent", any).value(), None);
        let Err(Error::Invalid(problems)) = fields.check() else { panic!() };
        assert_eq!((problems[0].loc[1], problems[0].kind), ("absent", "missing"));
    }

    #[test]
    fn numbers_and_truths_are_text_in_a_query_and_never_in_a_body() {
        let mut query = Fields::of_query("a=7&b=true&c=false&a=9&d=&e=x&f=x");
        assert_eq!(query.optional_integer("a", 1..=10).value(), Some(Some(7)));
        assert_eq!(query.optional_boolean("b").value(), Some(Some(true)));
        assert_eq!(query.optional_boolean("c").value(), Some(Some(false)));
        assert_eq!(query.optional_boolean("d").value(), Some(None));
        let _ = query.optional_integer("e", 1..=10);
        let _ = query.optional_boolean("f");
        let Err(Error::Invalid(problems)) = query.check() else { panic!() };
        let named: Vec<_> = problems.iter().map(|problem| (problem.loc.clone(), problem.kind)).collect();
        assert_eq!(named, [(vec!["query", "e"], "integer_type"), (vec!["query", "f"], "boolean_type")]);

        let mut body = fields(json!({ "a": "7", "b": "true", "c": false }));
        assert_eq!(body.optional_integer("a", 1..=10).value(), None);
        assert_eq!(body.optional_boolean("b").value(), None);
        assert_eq!(body.optional_boolean("c").value(), Some(Some(false)));
    }
}
