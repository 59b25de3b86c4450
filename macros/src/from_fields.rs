//! The derive macro `FromFields`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprLit, Fields, Lit, LitStr, Meta, Type};

/// A field of the struct.
struct Member {
    name: Ident,
    ty: Type,
    doc: String,
    example: Option<LitStr>,
    is_password_owner: bool,
}

impl Member {
    fn read(field: syn::Field) -> Result<Member, Error> {
        let name = field.ident.clone().ok_or_else(|| Error::new_spanned(&field, "a field must have a name"))?;
        let (mut example, mut is_password_owner) = (None, false);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("example") {
                    example = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("password_owner") {
                    is_password_owner = true;
                } else {
                    return Err(meta.error("expected `example` or `password_owner`"));
                }
                Ok(())
            })?;
        }
        Ok(Member { doc: doc(&field.attrs), ty: field.ty, name, example, is_password_owner })
    }
}

pub fn derive(item: DeriveInput) -> Result<TokenStream, Error> {
    let name = &item.ident;
    let Data::Struct(data) = item.data else {
        return Err(Error::new_spanned(name, "expected a struct"));
    };
    let Fields::Named(fields) = data.fields else {
        return Err(Error::new_spanned(name, "expected a struct with named fields"));
    };
    let members = fields.named.into_iter().map(Member::read).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = members.iter().map(|member| &member.name).collect();
    let reads = members.iter().map(read);
    let properties = members.iter().map(property);
    let doc = doc(&item.attrs);
    Ok(quote! {
        impl crate::web::FromFields for #name {
            fn read(reader: &mut crate::web::Reader<'_>, policy: &crate::domain::password::Policy<'_>) -> Option<Self> {
                #(#reads)*
                Some(Self { #(#names: #names?),* })
            }
        }

        impl #name {
            fn properties() -> Vec<crate::web::schema::Property> {
                vec![#(#properties),*]
            }
        }

        impl ::utoipa::PartialSchema for #name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::Schema> {
                crate::web::schema::object(#doc, Self::properties())
            }
        }

        impl ::utoipa::ToSchema for #name {}

        impl ::utoipa::IntoParams for #name {
            fn into_params(
                _: impl Fn() -> Option<::utoipa::openapi::path::ParameterIn>,
            ) -> Vec<::utoipa::openapi::path::Parameter> {
                crate::web::schema::query_parameters(Self::properties())
            }
        }
    })
}

/// Reads a field into a variable of the same name.
fn read(Member { name, ty, is_password_owner, .. }: &Member) -> TokenStream {
    let text = name_in_request(name);
    let read = quote! { let #name = reader.field::<#ty>(#text, policy); };
    if *is_password_owner {
        quote! { #read let policy = &policy.owned_by(#name.as_ref()); }
    } else {
        read
    }
}

fn property(Member { name, ty, doc, example, .. }: &Member) -> TokenStream {
    let name = name_in_request(name);
    let example = match example {
        Some(example) => quote! { Some(#example) },
        None => quote! { None },
    };
    quote! { crate::web::schema::Property::of::<#ty>(#name, #doc, #example) }
}

fn name_in_request(name: &Ident) -> String {
    // Removes the `r#` of a raw identifier.
    name.to_string().trim_start_matches("r#").to_owned()
}

/// Joins the lines of a doc comment.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}
