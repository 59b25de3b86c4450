//! [`Burst`] on the rate limiting binding.

use worker::RateLimiter;

use crate::ports::{Burst, Outage, Pending};

/// The limiter.
pub struct Limiter(pub RateLimiter);

impl Burst for Limiter {
    fn allow<'a>(&'a self, key: &'a str) -> Pending<'a, Result<bool, Outage>> {
        Box::pin(async move {
            let outcome = self.0.limit(key.to_owned()).await;
            outcome.map(|outcome| outcome.success).map_err(|error| Outage(format!("rate limiter: {error}")))
        })
    }
}
