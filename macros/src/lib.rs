//! Macros for the endpoints of Postern.

#![warn(missing_docs)]

mod from_fields;

use proc_macro::{Delimiter, Group, Punct, Spacing, TokenStream, TokenTree};
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct the parser of a body or a query, and its description: `web::FromFields`, `ToSchema` and `IntoParams`.
///
/// Each field must be of a type that implements `web::Field`, which holds the rules of the field. The doc comment of the struct and
/// those of the fields become descriptions. The attribute `field` adds to this:
///
/// - `#[field(example = "ada@example.com")]`: an example.
/// - `#[field(password_owner)]` on an email: passwords in later fields must not be this email or its local part.
#[proc_macro_derive(FromFields, attributes(field))]
pub fn from_fields(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    from_fields::derive(item).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Describes an endpoint for the API description: [`utoipa::path`] without what the row of its route says.
///
/// The row has the method, the path and the guard, and its area the tag. The attribute takes the rest: `request_body`, `params`
/// and `responses`. The doc comment of the handler becomes the summary and the description.
///
/// [`utoipa::path`]: https://docs.rs/utoipa/latest/utoipa/attr.path.html
#[proc_macro_attribute]
pub fn operation(description: TokenStream, handler: TokenStream) -> TokenStream {
    // utoipa demands a method and a path. Nothing reads these.
    let mut arguments = tokens(r#"get, path = "","#);
    arguments.extend(description);
    let mut attribute = tokens("::utoipa::path");
    attribute.extend([TokenTree::from(Group::new(Delimiter::Parenthesis, arguments))]);
    let mut described = TokenStream::from_iter([
        TokenTree::from(Punct::new('#', Spacing::Alone)),
        TokenTree::from(Group::new(Delimiter::Bracket, attribute)),
    ]);
    described.extend(handler);
    described
}

fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
