//! `Exchange`: one request and its response, with the context and the session between them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Extensions;

use super::problem::Problem;
use crate::context::RequestContext;
use crate::error::{Error, Result};
use crate::session::{Database, Session, SessionOptions};

/// A request that was let in. Extractors take it from the request's extensions; clones share it.
///
/// All extractors of a request share one session, which takes a connection at its first statement. The layer
/// ends it with the response: whoever keeps it for longer, such as a spawned task or a body
/// that is still being sent, gets [`Error::Ended`].
#[derive(Clone)]
pub struct Exchange(Arc<Inner>);

struct Inner {
    db: Database,
    context: RequestContext,
    read_only: bool,
    state: Mutex<State>,
}

enum State {
    Idle,
    Open(Session),
    Ended,
}

/// What an extractor asks of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Any,
    Read,
    Write,
}

impl Exchange {
    pub(super) fn new(db: Database, context: RequestContext, read_only: bool) -> Self {
        Exchange(Arc::new(Inner {
            db,
            context,
            read_only,
            state: Mutex::new(State::Idle),
        }))
    }

    /// For whom the request is.
    pub fn context(&self) -> &RequestContext {
        &self.0.context
    }

    /// The session of the request: one that writes, or reads only where the layer made the method so.
    ///
    /// # Errors
    /// A [`Problem`] after the response was sent, or where the tenant's id does not fit the entities of this
    /// program.
    pub fn session(&self) -> Result<Session, Problem> {
        self.open(Access::Any)
    }

    /// That of a request, which the layer put there.
    pub(super) fn within(extensions: &Extensions) -> Result<&Self, Problem> {
        extensions.get::<Self>().ok_or_else(|| {
            let remedy = "put `RequestLayer` around the routes";
            tracing::error!(
                remedy,
                "a handler asks for a session and no layer gives it one"
            );
            Problem::internal().logged()
        })
    }

    pub(super) fn open(&self, access: Access) -> Result<Session, Problem> {
        let mut state = self.state();
        match &*state {
            State::Idle => {
                let session = self.begin(access)?;
                let shared = session.share();
                *state = State::Open(session);
                Ok(shared)
            }
            State::Open(session) => fits(access, session.is_read_only()).map(|()| session.share()),
            State::Ended => Err(Problem::from(Error::Ended)),
        }
    }

    /// Commits what is open. Sessions kept elsewhere are ended by that.
    pub(super) async fn commit(&self) -> Result<()> {
        match self.end() {
            // The handler may have ended it already, in its own way.
            Some(session) if session.is_open() => session.commit_shared().await,
            _ => Ok(()),
        }
    }

    fn begin(&self, access: Access) -> Result<Session, Problem> {
        let inner = &*self.0;
        let read_only = match access {
            Access::Any => inner.read_only,
            Access::Read => true,
            Access::Write => false,
        };
        if access == Access::Write {
            fits(access, inner.read_only)?;
        }
        let options = match read_only {
            true => SessionOptions::read_only(),
            false => SessionOptions::default(),
        };
        Ok(inner.db.begin_with(&inner.context, options)?)
    }

    fn end(&self) -> Option<Session> {
        match std::mem::replace(&mut *self.state(), State::Ended) {
            State::Open(session) => Some(session),
            State::Idle | State::Ended => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("context", &self.0.context)
            .finish_non_exhaustive()
    }
}

/// Rolls back what was not committed when the handling ends, however it does.
pub(super) struct RollBack(pub Exchange);

impl Drop for RollBack {
    fn drop(&mut self) {
        // Dropping the session that owns the unit rolls it back, whoever shares it.
        drop(self.0.end());
    }
}

/// One handler cannot both read only and write in one session.
fn fits(access: Access, is_read_only: bool) -> Result<(), Problem> {
    let remedy = match (access, is_read_only) {
        (Access::Write, true) => {
            "`WriteSession` in a request whose session is read only: take either `ReadSession` or \
             `WriteSession`, and no `WriteSession` in a GET where the layer says `safe_methods_read_only`"
        }
        (Access::Read, false) => {
            "`ReadSession` in a request whose session writes: take one of `Session`, `ReadSession` \
             and `WriteSession`"
        }
        _ => return Ok(()),
    };
    tracing::error!(remedy, "the arguments of a handler contradict each other");
    Err(Problem::internal().logged())
}
