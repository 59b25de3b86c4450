//! [`Mailer`] on the `send_email` binding:
//! <https://developers.cloudflare.com/email-service/api/send-emails/workers-api/>.

use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{
    EmailAddress, SendEmail, SendEmailBuilder,
    js_sys::{self, JsString, Object, Reflect},
};

use crate::{
    ports::{HttpError, MailMessage, Mailer, Pending, SendResult},
    runtime::Sleep,
};

/// The timeout for the result.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The binding `EMAIL`, if wrangler.toml has one.
pub struct EmailService(pub Option<SendEmail>);

impl Mailer for EmailService {
    fn send(&self, letter: MailMessage) -> Pending<'_, Result<SendResult, HttpError>> {
        Box::pin(async move {
            let Some(binding) = &self.0 else {
                return Err(HttpError("there is no send_email binding of the name EMAIL".to_owned()));
            };
            let mail = mail(&letter);
            let answer = Box::pin(binding.send_with_builder(&mail));
            match select(answer, Sleep::of(TIMEOUT)).await {
                Either::Left((Ok(_), _)) => Ok(SendResult::Taken),
                Either::Left((Err(error), _)) => refusal(&error),
                Either::Right(_) => Err(HttpError(format!("no answer within {} s", TIMEOUT.as_secs()))),
            }
        })
    }
}

fn mail(letter: &MailMessage) -> SendEmailBuilder {
    let MailMessage { from_name, from, to, subject, text, html, header: (name, value) } = letter;
    let mail = match from_name {
        Some(name) => SendEmailBuilder::builder_with_email_address_and_str(&EmailAddress::new(name, from), to, subject),
        None => SendEmailBuilder::builder(from, to, subject),
    };
    let headers = Object::<JsString>::new_typed();
    // A plain object takes every property.
    let _ = Reflect::set(&headers, &(*name).into(), &(*value).into());
    mail.text(text).html(html).headers(&headers).build()
}

/// Errors of the service have a `code`; others come from the connection.
fn refusal(error: &js_sys::Error) -> Result<SendResult, HttpError> {
    let code = Reflect::get(error, &"code".into()).ok().and_then(|code| code.as_string());
    code.map(SendResult::Refused).ok_or_else(|| HttpError("an error without a code".to_owned()))
}
