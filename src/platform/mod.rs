//! Cloudflare's bindings behind the traits of `ports`: one adapter per file, no decisions.

pub mod analytics;
pub mod body;
pub mod connection;
pub mod d1;
pub mod http;
pub mod http_client;
pub mod kv;
pub mod pages;
pub mod rate_limiter;
pub mod send_email;
pub mod signatures;
pub mod wait_until;
