//! What a route is. The routes themselves are in one file per area.

use std::{borrow::Cow, pin::Pin};

use http::Method;
use utoipa::{
    __dev::SchemaReferences,
    Path,
    openapi::{RefOr, Schema, path::Operation},
};

use crate::{
    access::bearer::{Admin, Bearer, PasswordReset, Session},
    app::App,
    error::Error,
    web::{Request, Response},
};

/// One tag of the API description, with its routes.
pub struct Area {
    /// The name of the tag.
    pub tag: &'static str,
    /// What the tag is about.
    pub description: &'static str,
    /// The routes, in the order in which the description lists them.
    pub routes: &'static [Route],
}

/// One method of one path.
pub struct Route {
    /// The method. A GET route also serves HEAD.
    pub method: Method,
    /// The path, with `{name}` for each variable segment.
    pub pattern: &'static str,
    /// Who can call it, with its handler.
    pub guard: Guard,
}

/// Who can call a route, with the handler that gets the caller.
///
/// A guard runs when the body has arrived, before the handler. A handler gets its caller from nowhere else, so its route cannot
/// be left without the right guard.
pub enum Guard {
    /// Everyone.
    Open(Handler<()>),
    /// Everyone, with the platform's rate limit by address: the call is expensive, or guesses at something.
    RateLimited(Handler<()>),
    /// Users, except with the default password.
    Session(Handler<Session>),
    /// Users, even with the default password.
    SessionBeforePasswordChange(Handler<Session>),
    /// Admins.
    Admin(Handler<Admin>),
    /// The owner of a reset token.
    PasswordReset(Handler<PasswordReset>),
    /// Users, even with the default password, and the owner of a reset token.
    SessionOrPasswordReset(Handler<Bearer>),
}

/// Calls an endpoint with what its row names.
pub type Handler<C> = for<'a> fn(Call<'a>, &'a C) -> Answer<'a>;

/// The response of an endpoint.
///
/// Each endpoint is a function of its own in the module, behind its own box. As one future they would be a single function of
/// hundreds of kilobytes, and the first request of an isolate would wait until all of it is compiled.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response, Error>> + 'a>>;

/// What a row can hand to its endpoint, except the caller.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The settings, the ports and the time.
    pub app: &'a App,
    /// The request, with its body.
    pub request: &'a Request,
    /// The variable segments of the path, decoded.
    pub segments: &'a [Segment<'a>],
}

/// The name of a variable segment, and its decoded value.
pub type Segment<'a> = (&'static str, Cow<'a, str>);

impl<'a> Call<'a> {
    /// Returns the value of a variable segment, or nothing but the empty string if the pattern has no such segment.
    pub fn segment(&self, name: &str) -> &'a str {
        let found = self.segments.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What the attribute `operation` says of an endpoint. Only tests ask for it, so it is not in the Worker.
pub struct Description {
    /// The operation.
    pub operation: Operation,
    /// The schemas that it refers to.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl Description {
    pub(super) fn of<T: Path + SchemaReferences>() -> Self {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        Description { operation: T::operation(), schemas }
    }
}

/// Builds an [`Area`] from its tag and one row per route:
///
/// ```text
/// METHOD "/path/{segment}": Guard => file::handler(app, request, caller, segment);
/// ```
///
/// The handler gets the arguments that the row names: `app`, `request`, `caller`, which is what the guard found, and variable
/// segments of the path.
///
/// Also builds `descriptions`, which returns the [`Description`] of each row's handler. The attribute `operation` keeps it in a
/// struct named after the handler, so the handler is named once.
macro_rules! routes {
    (
        $tag:literal: $description:literal;
        $($method:ident $pattern:literal: $guard:ident => $file:ident::$handler:ident($($argument:ident),*);)*
    ) => {
        /// The routes of this area.
        pub static AREA: Area = Area {
            tag: $tag,
            description: $description,
            routes: &[$(
                Route {
                    method: Method::$method,
                    pattern: $pattern,
                    guard: Guard::$guard(|_call, _caller| {
                        Box::pin($file::$handler($(routes!(@argument _call _caller $argument)),*))
                    }),
                },
            )*],
        };

        /// Describes each route of this area, in the order of the rows.
        pub fn descriptions() -> Vec<Description> {
            vec![$(pastey::paste! { Description::of::<$file::[<__path_ $handler>]>() }),*]
        }
    };
    (@argument $call:ident $caller:ident app) => { $call.app };
    (@argument $call:ident $caller:ident request) => { $call.request };
    (@argument $call:ident $caller:ident caller) => { $caller };
    (@argument $call:ident $caller:ident $segment:ident) => { $call.segment(stringify!($segment)) };
}

pub(super) use routes;
