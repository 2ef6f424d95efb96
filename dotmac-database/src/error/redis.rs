//! What can go wrong with Redis.

/// Why a command of Redis has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisFault {
    /// No connection, or the breaker is open: it was not sent.
    #[error("Redis is not reachable")]
    Unavailable,
    /// It was sent, and no answer came in time: it may have run, or may still run.
    #[error("Redis did not answer in time")]
    TimedOut,
    /// The server refused it, such as `OOM`, `READONLY` or `LOADING`.
    #[error("Redis refused the command: {code}")]
    Refused {
        /// The first word of its answer; the rest may hold keys.
        code: String,
    },
    /// The answer is not what the command gives.
    #[error("Redis gave an answer that was not expected")]
    Answer,
}

impl RedisFault {
    /// Whether the server, or the way to it, is what failed, and not this command.
    pub fn is_outage(&self) -> bool {
        match self {
            RedisFault::Unavailable | RedisFault::TimedOut => true,
            RedisFault::Refused { .. } | RedisFault::Answer => false,
        }
    }
}
