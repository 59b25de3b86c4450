//! Cloudflare's bindings behind the traits of `ports`: one adapter a file, no decisions.

pub mod analytics;
pub mod body;
pub mod burst;
pub mod d1;
pub mod http;
pub mod kv;
pub mod later;
pub mod net;
pub mod numbered;
pub mod pages;
pub mod pause;
pub mod promise;
pub mod send_email;
pub mod task;
