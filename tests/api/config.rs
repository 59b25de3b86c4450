//! `GET /api/auth/config`

use serde_json::json;

use crate::support::Postern;

#[test]
fn it_returns_the_name_and_look_of_the_service() {
    let postern = Postern::with_settings(&[
        ("SERVICE_NAME", "Difference Engine"),
        ("BRAND_COLOR", "#C0FFEE"),
        ("APP_URL", "https://app.example/accounts/"),
        ("APP_ORIGINS", "https://shop.app.example"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("USER_TOKEN_LIFETIME_DAYS", "2"),
        ("IDENTITY_PROVIDERS", "acme,github"),
        ("OIDC_ACME_ISSUER", "https://login.acme.example"),
        ("OIDC_ACME_CLIENT_ID", "client"),
    ]);
    // The complete response: everything in it is public.
    let expected = json!({
        "service_name": "Difference Engine",
        "brand_color": "#c0ffee",
        "app_url": "https://app.example/accounts",
        "sign_up": "invitation",
        "email_sign_in": true,
        "app_origins": ["https://shop.app.example"],
        "identity_providers": [{ "id": "acme", "name": "Acme" }, { "id": "github", "name": "GitHub" }],
        "password_min_length": 12,
        "user_token_lifetime_days": 2,
        "turnstile_site_key": null,
    });
    assert_eq!(postern.get("/api/auth/config").send().expect(200), expected);
}

#[test]
fn it_is_public_and_uses_no_store() {
    let postern = Postern::new();
    let batches = postern.sql.batches.get();
    postern.kv.is_out.set(true);
    postern.get("/api/auth/config").bearer("x").send().expect(200);
    assert_eq!(postern.sql.batches.get(), batches);
}
