//! Tests of `dotmac-database` live in `tests/`: `database` on real servers, `ui` for diagnostics,
//! `tidy` for the house rules.
