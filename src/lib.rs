//! Postern

pub mod access;
pub mod app;
pub mod crypto;
pub mod domain;
pub mod endpoints;
pub mod error;
mod first_account;
pub mod mail;
pub mod platform;
pub mod ports;
pub mod routes;
pub mod settings;
pub mod store;
pub mod web;
mod worker;
