//! Endpoints for admins, under `/api/auth/admin`.

pub mod email_problem;
pub mod events;
pub mod freeze;
pub mod identities;
pub mod invitation;
pub mod invite_tree;
pub mod overview;
pub mod password_reset;
pub mod second_factors;
pub mod sessions;
pub mod sign_ups;
pub mod users;
