//! `Problem`: what a client is told of an error (RFC 9457).

use http::{HeaderMap, HeaderValue, StatusCode, header};
use sea_orm::DbErr;
use serde_json::{Map, Value};

use super::kind::answer;
use crate::error::{Error, ErrorKind};

/// An error as `application/problem+json`: `type` (`about:blank`), `title`, `status`, `code`, and
/// `request_id`, which the layer adds.
///
/// From an [`Error`] or a [`DbErr`] it tells the kind, by the table at [`ErrorKind`], and what a client
/// can act on: the columns of a constraint, the current version of a row, the keys that were refused. It
/// holds nothing of SQL and no values of rows. The error itself is logged where the status is 5xx.
#[derive(Debug, Clone)]
#[must_use = "a problem does nothing unless it is returned"]
pub struct Problem {
    status: StatusCode,
    members: Map<String, Value>,
    retry_after: Option<u32>,
    pub(super) source: Option<Error>,
    pub(super) is_logged: bool,
}

impl Problem {
    /// A problem with the title of its status.
    pub fn new(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        Problem {
            status,
            members: Map::new(),
            retry_after: None,
            source: None,
            is_logged: false,
        }
        .title(reason)
    }

    /// What went wrong, the same for each of its kind.
    pub fn title(self, title: &str) -> Self {
        self.member("title", title)
    }

    /// What went wrong this time. The client reads it.
    pub fn detail(self, detail: &str) -> Self {
        self.member("detail", detail)
    }

    /// The kind of the problem, for programs.
    pub fn code(self, code: &str) -> Self {
        self.member("code", code)
    }

    /// The URI of the kind, instead of `about:blank`.
    pub fn kind_uri(self, uri: &str) -> Self {
        self.member("type", uri)
    }

    /// Any other member; `status` is not set by it.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Asks the client to wait for so many seconds.
    pub fn retry_after(self, seconds: u32) -> Self {
        Problem {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn unauthorized() -> Self {
        Problem::new(StatusCode::UNAUTHORIZED).code("unauthorized")
    }

    pub(super) fn unavailable() -> Self {
        Problem::of(ErrorKind::PoolTimeout)
    }

    pub(super) fn no_route() -> Self {
        Problem::new(StatusCode::NOT_FOUND).code("no_route")
    }

    pub(super) fn no_method() -> Self {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED).code("no_method")
    }

    /// What the framework says of a request that it cannot take; of the server's faults nothing is told.
    pub(super) fn rejected(status: StatusCode, reason: &str) -> Self {
        match status.is_client_error() {
            true => Problem::new(status).code("invalid_request").detail(reason),
            false => Problem::internal(),
        }
    }

    /// The server's fault, of which the log says more.
    pub(super) fn internal() -> Self {
        Problem::of(ErrorKind::Other)
    }

    /// A COMMIT that failed is the server's fault, whatever refused it.
    pub(super) fn of_commit(error: Error) -> Self {
        let problem = match error.is_retryable() {
            true => Problem::of(ErrorKind::Serialization),
            false => Problem::internal(),
        };
        problem.caused_by(error)
    }

    pub(super) fn caused_by(self, error: Error) -> Self {
        Problem {
            source: Some(error),
            ..self
        }
    }

    /// Was logged where it arose.
    pub(super) fn logged(self) -> Self {
        Problem {
            is_logged: true,
            ..self
        }
    }

    /// The body.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut members = self.members.clone();
        let uri = || Value::from("about:blank");
        members.entry("type").or_insert_with(uri);
        members.insert("status".to_owned(), self.status.as_u16().into());
        Value::Object(members).to_string().into_bytes()
    }

    pub(super) fn set_headers(&self, headers: &mut HeaderMap) {
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.remove(header::CONTENT_LENGTH);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
    }

    fn of(kind: ErrorKind) -> Self {
        let answer = answer(kind);
        let problem = Problem::new(answer.status)
            .code(answer.code)
            .title(answer.title);
        match answer.status {
            StatusCode::SERVICE_UNAVAILABLE => problem.retry_after(1),
            _ => problem,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = Problem::of(error.kind());
        let problem = match &error {
            Error::StaleVersion { current, .. } => problem.member("current_version", *current),
            Error::UnknownKeys { keys, .. } => problem.member("keys", keys.clone()),
            Error::ProtectedKey { key, .. } => problem.member("keys", vec![*key]),
            Error::InvalidValue { key, expected, .. } => {
                let problem = problem.member("keys", vec![*key]);
                problem.member("expected", expected.as_str())
            }
            _ => match told_columns(&error) {
                columns if columns.is_empty() => problem,
                columns => problem.member("columns", columns),
            },
        };
        problem.caused_by(error)
    }
}

impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        Error::from(error).into()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let title = self.members.get("title").and_then(Value::as_str);
        write!(f, "{}: {}", self.status, title.unwrap_or_default())
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}

/// The columns that a client can set; expressions of indexes are SQL, and the tenant is not the
/// client's.
fn told_columns(error: &Error) -> Vec<String> {
    let told = [ErrorKind::Unique, ErrorKind::NotNull];
    let columns = match error.violation() {
        Some(violation) if told.contains(&error.kind()) => violation.columns.as_slice(),
        _ => &[],
    };
    let is_name = |column: &str| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        column != "tenant_id" && column.chars().all(is_word)
    };
    let names = columns.iter().filter(|column| is_name(column));
    names.cloned().collect()
}
