//! The macro `mail`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Error, LitStr, Token, Type,
    parse::{Parse, ParseStream},
    parse_quote,
    punctuated::Punctuated,
};

/// The folder of a mail, its envelope, and the values of its bodies.
pub struct Mail {
    folder: LitStr,
    envelope: Ident,
    values: Punctuated<Value, Token![,]>,
}

/// A variable that the templates use.
struct Value {
    name: Ident,
    ty: Type,
}

impl Parse for Mail {
    fn parse(input: ParseStream<'_>) -> Result<Mail, Error> {
        let folder = input.parse()?;
        input.parse::<Token![,]>()?;
        let envelope = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Mail { folder, envelope, values: Punctuated::parse_terminated(input)? })
    }
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> Result<Value, Error> {
        let name = input.parse()?;
        let ty = match input.parse::<Option<Token![:]>>()? {
            Some(_) => input.parse()?,
            None => parse_quote!(&'a str),
        };
        Ok(Value { name, ty })
    }
}

pub fn render(Mail { folder, envelope, values }: &Mail) -> TokenStream {
    let file = |name: &str| LitStr::new(&format!("{}/{name}", folder.value()), folder.span());
    let (subject, text, html) = (file("subject.txt"), file("body.txt"), file("body.html"));
    let names: Vec<_> = values.iter().map(|value| &value.name).collect();
    let types: Vec<_> = values.iter().map(|value| &value.ty).collect();
    quote! {{
        #[derive(::askama::Template)]
        #[template(path = #subject)]
        struct Subject<'a> { service: &'a str }
        #[derive(::askama::Template)]
        #[template(path = #text)]
        struct Text<'a> { frame: &'a Frame<'a>, #(#names: #types,)* }
        #[derive(::askama::Template)]
        #[template(path = #html)]
        struct Html<'a> { frame: &'a Frame<'a>, #(#names: #types,)* }
        let subject = rendered(&Subject { service: #envelope.service() })?;
        let frame = &#envelope.frame(&subject);
        let text = rendered(&Text { frame, #(#names,)* })?;
        let html = rendered(&Html { frame, #(#names,)* })?;
        Ok(#envelope.message(#folder, subject, text, html))
    }}
}
