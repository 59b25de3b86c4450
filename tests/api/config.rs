//! `GET /api/auth/config`

use serde_json::json;

use crate::support::Postern;

#[test]
fn the_pages_learn_what_the_service_is_called_and_looks_like() {
    let postern = Postern::with_settings(&[
        ("SERVICE_NAME", "Difference Engine"),
        ("BRAND_COLOR", "#C0FFEE"),
        ("APP_URL", "https://app.example/accounts/"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("USER_TOKEN_LIFETIME_DAYS", "2"),
    ]);
    // The whole of it: whatever else it told, it would tell to everybody.
    let expected = json!({
        "service_name": "Difference Engine",
        "brand_color": "#c0ffee",
        "app_url": "https://app.example/accounts",
        "password_min_length": 12,
        "user_token_lifetime_days": 2,
    });
    assert_eq!(postern.get("/api/auth/config").send().expect(200), expected);
}

#[test]
fn it_is_open_to_everybody_and_asks_no_store() {
    let postern = Postern::new();
    let batches = postern.sql.batches.get();
    postern.kv.is_out.set(true);
    postern.get("/api/auth/config").bearer("x").send().expect(200);
    assert_eq!(postern.sql.batches.get(), batches);
}
