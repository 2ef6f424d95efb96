//! The shop on axum, described by an OpenAPI document.

mod app;
mod document;
mod lock;
mod order;
mod parsed;
mod service;

pub use app::{app, serve};
pub use document::document;
