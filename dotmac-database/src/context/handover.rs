//! How a SeaORM hook learns the context of the connection it runs on.
//!
//! Seam into SeaORM 2.0: hooks are generic over `C: ConnectionTrait` and cannot see that the
//! connection is a session. But `get_database_backend()` is a synchronous call on it: the hook
//! opens a thread-local slot and calls it, and a session that sees the slot open leaves its context
//! there. Any other connection leaves nothing.

use std::cell::RefCell;

use sea_orm::ConnectionTrait;

use super::RequestContext;

thread_local! {
    static SLOT: RefCell<Slot> = const { RefCell::new(Slot::Closed) };
}

enum Slot {
    Closed,
    Open,
    Filled(RequestContext),
}

/// The context of `db`, if it is a session.
pub fn context_of<C: ConnectionTrait>(db: &C) -> Option<RequestContext> {
    SLOT.with_borrow_mut(|slot| *slot = Slot::Open);
    db.get_database_backend();
    match SLOT.replace(Slot::Closed) {
        Slot::Filled(context) => Some(context),
        Slot::Open | Slot::Closed => None,
    }
}

/// Leaves `context` for the hook that asks for it, if one does.
pub fn leave(context: &RequestContext) {
    SLOT.with_borrow_mut(|slot| {
        if matches!(slot, Slot::Open) {
            *slot = Slot::Filled(context.clone());
        }
    });
}
