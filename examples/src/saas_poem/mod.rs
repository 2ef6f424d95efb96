//! The shop on poem: the same routes, and so the same document.

mod app;
mod lock;
mod order;
mod service;

pub use app::{app, serve};
