//! `GET /api/auth/admin/sign-ups`, and `POST /api/auth/admin/sign-ups/{id}/approve` and `/reject`

use postern_macros::operation;

use crate::{
    access::{
        audit,
        bearer::{self, Admin},
    },
    app::App,
    crypto::random,
    domain::{email::Email, event::Action, user::Role},
    error::Error,
    mail::queue::QueuedMail,
    responses::SignUpRequest,
    store::sign_ups::{self, Approval},
    web::{
        Request, Response, True,
        page::{Listing, ListingQuery},
    },
};

/// List requests to sign up.
///
/// Returns the requests that wait for an admin, oldest first. Their emails are verified. A request is deleted after 90 days.
#[operation(
    params(ListingQuery),
    responses((status = 200, body = Listing<SignUpRequest>), (status = "4XX", description = "invalid_fields"))
)]
pub async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let page = request.query::<ListingQuery>(app)?.page();
    let (total, requests) = sign_ups::list(&app.store, page).await?;
    Ok(Response::json(&Listing::new(total, page, requests.into_iter().map(SignUpRequest::from).collect())))
}

/// Approve a request to sign up.
///
/// Creates the account, with a verified email, and tells the user by email. You become the user's referrer, as with accounts that you
/// create. 409 if the email has an account by now; then the request is deleted.
#[operation(
    params(("id" = String, Path, description = "The id of the request.")),
    responses((status = 200, body = True), (status = "4XX", description = "not_found email_taken too_many_requests"))
)]
pub async fn approve(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    let request = sign_ups::find(&app.store, id).await?.ok_or(Error::NotFound)?;
    let (user_id, identity_id) = (random::id()?, random::id()?);
    let sign_ups::Listed { email, name, locale, .. } = request;
    let queued = QueuedMail::sign_up_answer(app, &Email::from_store(email), name, locale, true).await?;
    let event = audit::by_admin(app, Action::SignUpApproved, admin, &user_id).sets(Some(Role::User), Some(0));
    match sign_ups::approve(&app.store, id, &user_id, &identity_id, &queued.mail, &event).await? {
        Approval::Done => {}
        Approval::EmailTaken => return Err(Error::EmailTaken),
        Approval::Refused => return Err(bearer::refusal_of_admin(app, admin, Error::NotFound).await),
    }
    queued.deliver_later(app);
    Ok(Response::ok())
}

/// Reject a request to sign up.
///
/// Deletes the request and emails the applicant.
#[operation(
    params(("id" = String, Path, description = "The id of the request.")),
    responses((status = 200, body = True), (status = "4XX", description = "not_found too_many_requests"))
)]
pub async fn reject(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    let request = sign_ups::find(&app.store, id).await?.ok_or(Error::NotFound)?;
    let sign_ups::Listed { email, name, locale, .. } = request;
    let queued = QueuedMail::sign_up_answer(app, &Email::from_store(email), name, locale, false).await?;
    let event = audit::about_nobody(app, Action::SignUpRejected, admin);
    if !sign_ups::reject(&app.store, id, &queued.mail, &event).await? {
        return Err(bearer::refusal_of_admin(app, admin, Error::NotFound).await);
    }
    queued.deliver_later(app);
    Ok(Response::ok())
}
