//! Tenants with a schema or a database of their own.
