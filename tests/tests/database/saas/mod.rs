//! The web examples, over HTTP: the README's walk through the shop, on axum and on poem.

mod cache;
mod document;
mod lock;
mod order;
mod readme;
mod refusal;
mod running;
mod site;
