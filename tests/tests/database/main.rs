//! Everything that needs a database: one file for each capability.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

mod attack;
mod batches;
mod bulk;
mod cache;
mod cancellation;
mod close;
mod cluster;
mod compat;
mod configuration;
mod context;
mod directory;
mod entities;
mod errors;
mod fault_proxy;
mod field;
mod generated;
mod health;
mod hooks;
mod journal;
mod json;
mod leakproof;
mod library;
mod lock;
mod logs;
mod lost_commit;
mod migrations;
mod migrations_diff;
mod migrations_generate;
mod migrations_run;
mod mixins;
mod pages;
mod pgbouncer;
mod pool;
mod reads;
mod replica_loss;
mod replicas;
mod retries;
mod rls_check;
mod rls_keys;
mod rls_open;
mod rls_schemas;
mod rls_views;
mod roles;
mod row_locks;
mod saas;
mod savepoints;
mod schemas;
mod seaorm;
mod sessions;
mod shapes;
mod soft_delete;
mod sqlite;
mod stamps;
mod statement_batches;
mod support;
mod system_sessions;
mod table_prefix;
mod tenants;
mod testing_kit;
mod tickets;
mod tls;
mod unique_keys;
mod versions;
mod web;
mod writes;
