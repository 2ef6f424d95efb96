//! The shop on poem: the same routes, and so the same document.

mod app;
mod order;
mod service;

pub use app::{app, serve};
