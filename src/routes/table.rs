//! The types of the route table. The routes are in one file per area.

use std::{borrow::Cow, pin::Pin};

use http::Method;
use utoipa::{
    __dev::SchemaReferences,
    Path,
    openapi::{RefOr, Schema, path::Operation},
};

use crate::{
    access::{
        bearer::{Admin, Bearer, PasswordReset, Session},
        recent::RecentAuthentication,
    },
    app::App,
    error::Error,
    web::{Request, Response},
};

/// The routes under one tag of the API description.
pub struct Area {
    /// The name of the tag.
    pub tag: &'static str,
    /// The description of the tag.
    pub description: &'static str,
    /// The routes.
    pub routes: &'static [Route],
}

/// One method of one path.
pub struct Route {
    /// The method. A GET route also serves HEAD.
    pub method: Method,
    /// The path, with `{name}` for each variable segment.
    pub pattern: &'static str,
    /// Who can call it, and its handler.
    pub guard: Guard,
}

/// Who can call a route, and the handler, which gets the caller.
///
/// The guard runs after the body has arrived and before the handler. Handlers get the caller only from the guard, so a handler
/// for admins cannot be called by anyone else.
///
/// Every row must name one of these. Rows for users and admins must also say when the call needs recent authentication, so nobody
/// adds a sensitive call by accident.
pub enum Guard {
    /// Everyone.
    Open(Handler<()>),
    /// Everyone, within the platform's rate limit by address: calls that are expensive or can be used for guessing.
    RateLimited(Handler<()>),
    /// Users, unless they must change the default password or set up a second factor first.
    Session(RecentAuthentication, Handler<Session>),
    /// Users, even if they must set up a second factor first, unless they must change the default password.
    SessionDuringSetup(RecentAuthentication, Handler<Session>),
    /// Users, even if they must change the default password or set up a second factor first.
    SessionBeforePasswordChange(RecentAuthentication, Handler<Session>),
    /// Admins.
    Admin(RecentAuthentication, Handler<Admin>),
    /// Users with a reset token.
    PasswordReset(Handler<PasswordReset>),
    /// Users, even if they must change the default password or set up a second factor first, and users with a reset token.
    SessionOrPasswordReset(Handler<Bearer>),
}

/// Calls an endpoint with the arguments that its row names.
pub type Handler<C> = for<'a> fn(Call<'a>, &'a C) -> ResponseFuture<'a>;

/// The future of an endpoint's response.
///
/// It is boxed, so each endpoint is a function of its own in the wasm. A single future of all endpoints would be one function of
/// hundreds of kilobytes, which the first request of an isolate would have to compile.
pub type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, Error>> + 'a>>;

/// The arguments that a row can pass to its endpoint, except the caller.
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
    /// Returns the value of a variable segment, or an empty string if the pattern has no such segment.
    pub fn segment(&self, name: &str) -> &'a str {
        let found = self.segments.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The API description of an endpoint, from the attribute `operation`. Only tests use it, so it is not in the wasm.
pub struct Description {
    /// The operation.
    pub operation: Operation,
    /// The schemas that it references.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl Description {
    pub(super) fn of<T: Path + SchemaReferences>() -> Self {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        Description { operation: T::operation(), schemas }
    }
}

/// Returns whether a pattern has a variable segment. `end` is its name with the closing brace.
pub(super) const fn has_segment(pattern: &str, end: &str) -> bool {
    let mut rest = pattern.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'{' && starts_with(after, end.as_bytes()) {
            return true;
        }
        rest = after;
    }
    false
}

const fn starts_with(mut text: &[u8], mut start: &[u8]) -> bool {
    while let ([first, text_after @ ..], [wanted, start_after @ ..]) = (text, start) {
        if *first != *wanted {
            return false;
        }
        (text, start) = (text_after, start_after);
    }
    start.is_empty()
}

/// Builds an [`Area`] from its tag and one row per route:
///
/// ```text
/// METHOD "/path/{segment}": Guard => file::handler(app, request, caller, segment);
/// METHOD "/path": Guard(When) => file::handler(app, caller);
/// ```
///
/// `When` is a [`RecentAuthentication`], which the guards for users and admins need.
///
/// The row names the arguments of the handler: `app`, `request`, `caller`, which the guard returns, and variable segments. A name
/// that is none of these does not compile.
///
/// Also builds `descriptions`, which returns the [`Description`] of each handler. It is in a struct that the attribute `operation`
/// names after the handler.
macro_rules! routes {
    (
        $tag:literal: $description:literal;
        $($method:ident $pattern:literal: $guard:ident $(($when:ident))? => $file:ident::$handler:ident($($argument:ident),*);)*
    ) => {
        /// The routes of this area.
        pub static AREA: Area = Area {
            tag: $tag,
            description: $description,
            routes: &[$(
                Route {
                    method: Method::$method,
                    pattern: $pattern,
                    guard: Guard::$guard($($crate::access::recent::RecentAuthentication::$when,)? |_call, _caller| {
                        Box::pin($file::$handler($(routes!(@argument $pattern, _call, _caller, $argument)),*))
                    }),
                },
            )*],
        };

        /// Returns the description of each handler, in the order of the rows.
        pub fn descriptions() -> Vec<Description> {
            vec![$(pastey::paste! { Description::of::<$file::[<__path_ $handler>]>() }),*]
        }
    };
    (@argument $pattern:literal, $call:ident, $caller:ident, app) => { $call.app };
    (@argument $pattern:literal, $call:ident, $caller:ident, request) => { $call.request };
    (@argument $pattern:literal, $call:ident, $caller:ident, caller) => { $caller };
    (@argument $pattern:literal, $call:ident, $caller:ident, $segment:ident) => {{
        const _: () = assert!(has_segment($pattern, concat!(stringify!($segment), "}")), "the path has no such segment");
        $call.segment(stringify!($segment))
    }};
}

pub(super) use routes;
