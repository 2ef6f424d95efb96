//! `Cached`: the trait behind `#[dotmac(cached)]`.

use crate::entity::Featured;

/// An entity whose rows are cached: what a session changes of its table is invalidated when it has
/// committed.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` are not cached",
    note = "write `#[dotmac(cached)]` below the `#[derive(…)]` of its `Model`"
)]
pub trait Cached: Featured {
    /// The name under which they are cached, where it is not the table's.
    const NAME: Option<&'static str> = None;
}
