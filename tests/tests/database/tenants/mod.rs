//! Tenants in rows, in schemas and in databases of their own, found by one facade.

mod databases;
mod facade;
mod fleet;
mod web;
