//! Draws user tokens.

use crate::{
    app::App,
    crypto::random,
    domain::{
        email::Email,
        user_token::{ALPHABET, LENGTH},
    },
    error::Error,
    store::user_tokens::{self, recipient_context},
};

/// Draws a token for a user, and returns it with the form in which it is stored. If it is to be mailed to a recipient, only the user can
/// read that address.
///
/// # Errors
/// 500 if there is no randomness.
pub fn draw(app: &App, user_id: &str, recipient: Option<&Email>) -> Result<(String, user_tokens::New), Error> {
    let mut accepted = app.keys().user_token.iter();
    let keys = accepted.next().ok_or_else(|| Error::Internal("there is no key for user tokens".to_owned()))?;
    let token = random::text(ALPHABET, LENGTH)?;
    let new = user_tokens::New {
        user_id: user_id.to_owned(),
        lookup: keys.lookup.hash(&[&token]),
        key_id: keys.id.clone(),
        previous_key_id: accepted.next().map(|keys| keys.id.clone()),
        sealed: keys.seal.seal(&token, user_id)?,
        sealed_recipient: match recipient {
            Some(email) => Some(keys.seal.seal(email.as_str(), &recipient_context(user_id))?),
            None => None,
        },
    };
    Ok((token, new))
}
