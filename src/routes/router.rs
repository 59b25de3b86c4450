//! Finds the routes of a path.
//!
//! A loop over the patterns, and not the crate `matchit`: that takes 60 ns instead of 300 ns for a lookup, but a new isolate would
//! compile and fill it before its first response. That takes at least 1.5 ms, and 20 KB of the wasm (measured with 31 patterns).

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use super::{
    AREAS,
    table::{Route, Segment},
};

thread_local! {
    /// Built by the first request of an isolate.
    static RESOURCES: &'static [Resource] = Vec::leak(resources());
}

/// A path that exists.
pub struct Resource {
    /// The path, with `{name}` for each variable segment. It contains nothing from the request, so it can be logged.
    pub pattern: &'static str,
    /// The methods, in the order of the table.
    pub methods: Vec<Method>,
    is_variable: bool,
    routes: Vec<&'static Route>,
}

impl Resource {
    /// Returns the route of a method. HEAD has the route of GET.
    pub fn route(&self, method: &Method) -> Option<&'static Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.iter().copied().find(|route| route.method == *method)
    }

    /// Returns the values of the variable segments, if the path has this pattern.
    fn segments<'a>(&self, path: &'a str) -> Option<Vec<Segment<'a>>> {
        if !self.is_variable {
            return (self.pattern == path).then(Vec::new);
        }
        let (mut pattern, mut path) = (self.pattern, path);
        let mut segments = Vec::new();
        while let Some((literal, rest)) = pattern.split_once('{') {
            let rest_of_path = path.strip_prefix(literal)?;
            let (name, rest) = rest.split_once('}')?;
            let (value, rest_of_path) = rest_of_path.split_at(rest_of_path.find('/').unwrap_or(rest_of_path.len()));
            segments.push((name, decode(value)?));
            (pattern, path) = (rest, rest_of_path);
        }
        (pattern == path).then_some(segments)
    }
}

/// Finds the resource at a path, with the values of its variable segments.
pub fn find(path: &str) -> Option<(&'static Resource, Vec<Segment<'_>>)> {
    let resources = RESOURCES.with(|resources| *resources);
    resources.iter().find_map(|resource| Some((resource, resource.segments(path)?)))
}

/// Decodes a segment of a path (RFC 3986, section 2.1). Segments are decoded only here, so no segment is decoded twice. Returns
/// `None` if it is empty, has a malformed escape, or is not UTF-8.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    let mut escapes = segment.split('%').skip(1).map(str::as_bytes);
    let is_well_formed =
        escapes.all(|rest| matches!(rest, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()));
    if segment.is_empty() || !is_well_formed {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok()
}

/// Groups the routes by their path.
fn resources() -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    for route in AREAS.iter().flat_map(|area| area.routes) {
        let at = resources.iter().position(|resource| resource.pattern == route.pattern).unwrap_or_else(|| {
            resources.push(Resource {
                pattern: route.pattern,
                is_variable: route.pattern.contains('{'),
                methods: Vec::new(),
                routes: Vec::new(),
            });
            resources.len() - 1
        });
        let Some(resource) = resources.get_mut(at) else { continue };
        resource.routes.push(route);
        resource.methods.push(route.method.clone());
        if route.method == Method::GET {
            resource.methods.push(Method::HEAD);
        }
    }
    resources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(&'static str, Vec<String>)> {
        let (resource, segments) = find(path)?;
        Some((resource.pattern, segments.into_iter().map(|(_, value)| value.into_owned()).collect()))
    }

    #[test]
    fn a_segment_is_decoded_once() {
        for (path, id) in [
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a%2Fb"),
            ("auth0|5f7c", "auth0|5f7c"),
            ("auth0%7C5f7c", "auth0|5f7c"),
            ("with%20space", "with space"),
            ("with+plus", "with+plus"),
            ("%C3%BC", "\u{fc}"),
        ] {
            let id = id.to_owned();
            let user = ("/api/auth/admin/users/{id}", vec![id.clone()]);
            assert_eq!(found(&format!("/api/auth/admin/users/{path}")), Some(user), "{path}");
            let token = ("/api/auth/me/tokens/{token}", vec![id.clone()]);
            assert_eq!(found(&format!("/api/auth/me/tokens/{path}")), Some(token), "{path}");
            let session = ("/api/auth/admin/users/{id}/sessions/{session_id}", vec![id.clone(), id]);
            assert_eq!(found(&format!("/api/auth/admin/users/{path}/sessions/{path}")), Some(session), "{path}");
        }
        for segment in ["%", "%2", "a%zzb", "%+1", "%FF", "%C3", "%%41"] {
            assert_eq!(found(&format!("/api/auth/admin/users/{segment}")), None, "{segment}");
            assert_eq!(found(&format!("/api/auth/me/sessions/{segment}")), None, "{segment}");
        }
    }

    #[test]
    fn a_path_is_matched_whole() {
        assert_eq!(found("/api/auth/me/tokens/abc").unwrap().1, ["abc"]);
        for path in [
            "",
            "/",
            "/api/auth",
            "/api/auth/",
            "/api/auth/login/",
            "/api/auth/me/tokens/",
            "/api/auth/me/tokens/a/b",
            "/api/auth/me/tokens//",
            "/api/auth/me/tokens//a",
            "/api/auth/admin/users/",
            "/api/auth/admin/users//sessions",
            "/api/auth/admin/users/a/sessions/",
            "/api/auth/admin/users/a//sessions",
            "/api/auth//login",
            "/API/auth/login",
            "//api/auth/login",
            "api/auth/login",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn every_route_is_found_by_its_pattern() {
        for route in AREAS.iter().flat_map(|area| area.routes) {
            let (resource, segments) = find(route.pattern).unwrap_or_else(|| panic!("{}", route.pattern));
            assert_eq!(resource.pattern, route.pattern);
            assert!(segments.iter().all(|(name, value)| format!("{{{name}}}") == *value), "{}", route.pattern);
            let of_method: Vec<_> = resource.routes.iter().filter(|other| other.method == route.method).collect();
            assert_eq!(of_method.len(), 1, "{} {} is there twice", route.method, route.pattern);
        }
    }
}
