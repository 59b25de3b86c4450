//! [`RateLimiter`] on the rate limiting binding.

use worker::RateLimiter as Binding;

use crate::ports::{Pending, RateLimiter, StoreError};

/// The binding.
pub struct Limiter(pub Binding);

impl RateLimiter for Limiter {
    fn allow<'a>(&'a self, key: &'a str) -> Pending<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let outcome = self.0.limit(key.to_owned()).await;
            outcome.map(|outcome| outcome.success).map_err(|error| StoreError(format!("rate limiter: {error}")))
        })
    }
}
