//! The `Content-Security-Policy` of pages.

/// The policy of `pages/_headers`, for pages that the Worker serves itself.
pub const PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                         base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where Turnstile's script and the frame of its widget come from
/// (<https://developers.cloudflare.com/turnstile/reference/content-security-policy/>).
const TURNSTILE: &str = "https://challenges.cloudflare.com";

/// Returns a policy that also allows Turnstile. The other directives are unchanged.
pub fn with_turnstile(policy: &str) -> String {
    let directives = policy.split(';').map(str::trim).map(|directive| match directive.split_once(' ') {
        Some(("script-src", sources)) => format!("script-src {sources} {TURNSTILE}"),
        _ => directive.to_owned(),
    });
    let mut directives: Vec<String> = directives.filter(|directive| !directive.is_empty()).collect();
    directives.push(format!("frame-src {TURNSTILE}"));
    directives.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scripts_and_frames_of_turnstile_are_added() {
        assert_eq!(
            with_turnstile("default-src 'none'; script-src 'self'; style-src 'self'"),
            "default-src 'none'; script-src 'self' https://challenges.cloudflare.com; style-src 'self'; \
             frame-src https://challenges.cloudflare.com"
        );
    }
}
