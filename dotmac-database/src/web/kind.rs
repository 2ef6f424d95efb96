//! What a client is told of each kind of error: status, code and title, as `ErrorKind` lists them.

use http::StatusCode;

use crate::error::ErrorKind;

/// The answer to an error of this kind.
pub struct Answer {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
}

pub fn answer(kind: ErrorKind) -> Answer {
    use StatusCode as S;
    let (status, code, title) = match kind {
        ErrorKind::MissingTenant => (
            S::BAD_REQUEST,
            "missing_tenant",
            "The request names no tenant",
        ),
        ErrorKind::InvalidContext => (
            S::BAD_REQUEST,
            "invalid_context",
            "The request's context is not valid",
        ),
        ErrorKind::InvalidCursor => (S::BAD_REQUEST, "invalid_cursor", "The cursor is not valid"),
        // One text for both, which says nothing of rows.
        ErrorKind::ForeignTenant | ErrorKind::Denied => {
            (S::FORBIDDEN, "forbidden", "The request is not allowed")
        }
        ErrorKind::NotFound => (S::NOT_FOUND, "not_found", "There is no such row"),
        ErrorKind::Unique => (S::CONFLICT, "unique", "The value is taken already"),
        ErrorKind::ForeignKey => (
            S::CONFLICT,
            "foreign_key",
            "A row that is referred to does not exist, or is still referred to",
        ),
        ErrorKind::Exclusion => (
            S::CONFLICT,
            "exclusion",
            "The row conflicts with another one",
        ),
        ErrorKind::PhysicalDelete => (
            S::CONFLICT,
            "physical_delete",
            "The row cannot be removed for good",
        ),
        ErrorKind::StaleVersion => (
            S::CONFLICT,
            "stale_version",
            "The row was changed meanwhile",
        ),
        ErrorKind::StaleFence => (
            S::CONFLICT,
            "stale_fence",
            "The row was changed by whoever has the lock now",
        ),
        ErrorKind::Check => (S::UNPROCESSABLE_ENTITY, "check", "The row breaks a rule"),
        ErrorKind::NotNull => (S::UNPROCESSABLE_ENTITY, "not_null", "A value is missing"),
        ErrorKind::InvalidInput => (
            S::UNPROCESSABLE_ENTITY,
            "invalid_input",
            "The input is not valid",
        ),
        ErrorKind::Serialization
        | ErrorKind::Deadlock
        | ErrorKind::StalePlan
        | ErrorKind::LockTimeout
        | ErrorKind::StatementTimeout
        | ErrorKind::PoolTimeout
        | ErrorKind::ConnectionLost
        | ErrorKind::Closed => (
            S::SERVICE_UNAVAILABLE,
            "unavailable",
            "The service is busy: try again",
        ),
        _ => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong"),
    };
    Answer {
        status,
        code,
        title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table in the documentation of `ErrorKind`, by kind.
    fn documented(kind: ErrorKind) -> u16 {
        let name = format!("`{kind:?}`");
        let table = include_str!("../error/kind.rs").lines();
        let mut rows = table.filter(|line| line.starts_with("/// | ") && line.contains(&name));
        let Some(row) = rows.next() else { return 500 };
        let digits = |it: &str| it.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok();
        row.split_whitespace()
            .filter_map(digits)
            .next_back()
            .expect("a status")
    }

    #[test]
    fn statuses_are_those_that_the_documentation_lists() {
        use ErrorKind as K;
        let kinds = [
            K::MissingTenant,
            K::ForeignTenant,
            K::OutsideSession,
            K::InvalidContext,
            K::PhysicalDelete,
            K::BypassesRls,
            K::StaleVersion,
            K::StaleFence,
            K::MissingVersion,
            K::ContextChange,
            K::Unprotected,
            K::Schema,
            K::Hook,
            K::InvalidInput,
            K::InvalidCursor,
            K::InvalidSelect,
            K::Config,
            K::Unsupported,
            K::Session,
            K::Aborted,
            K::Closed,
            K::ConnectionLost,
            K::CommitUnknown,
            K::NotFound,
            K::Unique,
            K::ForeignKey,
            K::Check,
            K::NotNull,
            K::Exclusion,
            K::ReadOnly,
            K::Denied,
            K::Serialization,
            K::Deadlock,
            K::StalePlan,
            K::StatementTimeout,
            K::LockTimeout,
            K::PoolTimeout,
            K::Other,
        ];
        for kind in kinds {
            assert_eq!(answer(kind).status.as_u16(), documented(kind), "{kind:?}");
        }
    }
}
