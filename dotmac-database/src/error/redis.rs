//! What can go wrong with Redis.

/// Why a command of Redis has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisFault {
    /// There is no node for it, or the breaker is open: it was not sent.
    #[error("Redis is not reachable")]
    Unavailable,
    /// There is no connection, or it was lost: it may have been sent before, and may have run.
    #[error("the connection to Redis was lost")]
    Disconnected,
    /// It was sent, and no answer came in time: it may have run, or may still run.
    #[error("Redis did not answer in time")]
    TimedOut,
    /// The server refused it, such as `OOM`, `READONLY` or `LOADING`.
    #[error("Redis refused the command: {code}")]
    Refused {
        /// The first word of its answer; the rest may hold keys.
        code: String,
    },
    /// It was done, and fewer replicas than were asked for have received it in time.
    #[error("too few replicas of Redis received it in time")]
    NotReplicated,
    /// The answer is not what the command gives.
    #[error("Redis gave an answer that was not expected")]
    Answer,
}

impl RedisFault {
    /// Whether the server, or the way to it, is what failed, and not this command.
    pub fn is_outage(&self) -> bool {
        match self {
            RedisFault::Unavailable | RedisFault::Disconnected | RedisFault::TimedOut => true,
            RedisFault::Refused { .. } | RedisFault::NotReplicated | RedisFault::Answer => false,
        }
    }

    /// Whether the command may have run, or may still do so.
    pub fn may_have_run(&self) -> bool {
        match self {
            RedisFault::Disconnected
            | RedisFault::TimedOut
            | RedisFault::NotReplicated
            | RedisFault::Answer => true,
            RedisFault::Unavailable | RedisFault::Refused { .. } => false,
        }
    }

    /// Whether it may pass in a moment: an outage, a server that starts or changes its role, a slot that moves.
    pub fn may_pass(&self) -> bool {
        let of_a_change = [
            "CLUSTERDOWN",
            "LOADING",
            "MASTERDOWN",
            "READONLY",
            "TRYAGAIN",
        ];
        match self {
            RedisFault::Refused { code } => of_a_change.contains(&code.as_str()),
            RedisFault::NotReplicated => true,
            fault => fault.is_outage(),
        }
    }
}
