//! The first account of a database: `admin` / `admin`, or the one in the settings.

use crate::{
    app::App,
    crypto::{password_hash, random},
    error::Error,
    store::users,
};

const DEFAULT_EMAIL: &str = "admin";
const DEFAULT_PASSWORD: &str = "admin";
const NAME: &str = "Administrator";

/// Creates the first account if there is none. Once an isolate has seen an account, it does not ask again.
///
/// # Errors
/// 503.
pub async fn ensure(app: &App) -> Result<(), Error> {
    if app.isolate.first_account_seen.get() {
        return Ok(());
    }
    if !users::any(&app.store).await? {
        let settings = app.settings();
        let (email, password) = match &settings.first_admin {
            Some(admin) => (admin.email.as_str(), admin.password.as_str()),
            None => (DEFAULT_EMAIL, DEFAULT_PASSWORD),
        };
        let account = users::FirstAccount {
            id: &random::id()?,
            email,
            password_hash: &password_hash::hash(password, settings.password_cost)?,
            name: NAME,
            must_change_password: settings.first_admin.is_none(),
        };
        users::insert_first(&app.store, account, app.now).await?;
    }
    app.isolate.first_account_seen.set(true);
    Ok(())
}
