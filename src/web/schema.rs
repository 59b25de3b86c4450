//! Schemas of requests in the API description. Only tests generate the description, so nothing of this is in the Worker.

use serde_json::{Value, json};
use utoipa::openapi::{
    Object, ObjectBuilder, RefOr, Required, Schema, Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::{OneOfBuilder, SchemaType},
};

use super::Field;

/// A field of a request.
pub struct Property {
    name: &'static str,
    description: String,
    example: Option<Value>,
    schema: RefOr<Schema>,
    is_required: bool,
    is_nullable: bool,
}

impl Property {
    /// Describes a field of type `T`.
    pub fn of<T: Field>(name: &'static str, description: &str, example: Option<&str>) -> Property {
        Property {
            name,
            description: description.to_owned(),
            example: example.map(|example| json!(example)),
            schema: T::schema(),
            is_required: T::IS_REQUIRED,
            is_nullable: T::IS_NULLABLE,
        }
    }

    /// Returns the schema of a member of a body. The description of the type follows that of the field.
    fn into_schema(self) -> RefOr<Schema> {
        match self.schema {
            RefOr::T(Schema::Object(mut object)) => {
                let descriptions = [Some(self.description), object.description.take()];
                let description = descriptions.into_iter().flatten().filter(|text| !text.is_empty());
                object.description = Some(description.collect::<Vec<_>>().join(" "));
                object.examples.extend(self.example);
                if self.is_nullable
                    && let SchemaType::Type(schema_type) = object.schema_type
                {
                    object.schema_type = SchemaType::Array(vec![schema_type, Type::Null]);
                }
                object.into()
            }
            RefOr::Ref(mut reference) => {
                reference.description = self.description;
                if self.is_nullable {
                    OneOfBuilder::new().item(reference).item(null()).into()
                } else {
                    reference.into()
                }
            }
            other => other,
        }
    }
}

fn null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

/// Returns the schema of a body.
pub fn object(description: &str, properties: Vec<Property>) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    let add = |object: ObjectBuilder, property: Property| {
        let name = property.name;
        let object = if property.is_required { object.required(name) } else { object };
        object.property(name, property.into_schema())
    };
    properties.into_iter().fold(object, add).into()
}

/// Returns the parameters of a query.
pub fn query_parameters(properties: Vec<Property>) -> Vec<Parameter> {
    let parameter = |property: Property| {
        ParameterBuilder::new()
            .name(property.name)
            .parameter_in(ParameterIn::Query)
            .required(if property.is_required { Required::True } else { Required::False })
            .description(Some(property.description))
            .schema(Some(property.schema))
            .example(property.example)
            .build()
    };
    properties.into_iter().map(parameter).collect()
}
