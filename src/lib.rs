//! Postern: user identity at the edge.
//!
//! ARCHITECTURE.md has the modules and the way of one request.

#![warn(missing_docs)]
// The isolate must survive every input, so no input may cause a panic.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod access;
pub mod app;
pub mod crypto;
pub mod domain;
pub mod endpoints;
pub mod error;
pub mod language;
pub mod mail;
pub mod maintenance;
pub mod oauth_client;
pub mod platform;
pub mod ports;
pub mod responses;
pub mod routes;
pub mod runtime;
pub mod settings;
pub mod store;
pub mod telemetry;
pub mod web;
mod worker;
