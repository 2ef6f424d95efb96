//! `If-Match`: a change of what the client has seen, and of nothing else (RFC 9110, 13.1.1).

use dotmac_database::prelude::*;
use dotmac_database::web::StatusCode;
use http::{HeaderMap, header};

/// The versions that a client has seen; none is any version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// The header of a request that has to bring it.
    ///
    /// # Errors
    /// 428 where it is missing.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        Self::given(headers).ok_or_else(|| {
            Problem::new(StatusCode::PRECONDITION_REQUIRED)
                .code("if_match_required")
                .detail("send the ETag of the order that you have seen as `If-Match`")
        })
    }

    /// The header of a request that may bring it.
    pub fn given(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::IF_MATCH);
        let texts = values
            .iter()
            .map(|value| value.to_str().unwrap_or_default());
        let tags: Vec<String> = texts
            .flat_map(|text| text.split(','))
            .map(|tag| tag.trim().to_owned())
            .collect();
        (!tags.is_empty()).then_some(IfMatch(tags))
    }

    /// Holds where the row is at a version that the client has seen.
    ///
    /// # Errors
    /// 412 with the current version.
    pub fn check(&self, current: i32) -> Result<(), Problem> {
        // The comparison is strong: a weak tag (`W/"3"`) is never one of ours.
        let own = format!("\"{current}\"");
        match self.0.iter().any(|tag| *tag == own || tag == "*") {
            true => Ok(()),
            false => Err(Self::failed(current)),
        }
    }

    /// What a write is told that met a newer version although `check` held: somebody was faster.
    pub fn or_failed<T>(written: Result<T, Error>) -> Result<T, Problem> {
        written.map_err(|error| match error {
            Error::StaleVersion { current, .. } => Self::failed(current),
            error => error.into(),
        })
    }

    fn failed(current: i32) -> Problem {
        Problem::new(StatusCode::PRECONDITION_FAILED)
            .code("if_match_failed")
            .detail("the order was changed meanwhile: read it again")
            .member("current_version", current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(values: &[&'static str], current: i32) -> Option<bool> {
        let value = http::HeaderValue::from_static;
        let pairs = values.iter().map(|it| (header::IF_MATCH, value(it)));
        let given = IfMatch::given(&HeaderMap::from_iter(pairs));
        given.map(|it| it.check(current).is_ok())
    }

    #[test]
    fn any_of_the_tags_may_match_and_weak_ones_never_do() {
        assert_eq!(holds(&[], 3), None);
        for met in [&["\"3\""][..], &["\"2\", \"3\""], &["*"]] {
            assert_eq!(holds(met, 3), Some(true), "{met:?}");
        }
        for missed in [&["\"2\""][..], &["3"], &["W/\"3\""], &[""], &["\"33\""]] {
            assert_eq!(holds(missed, 3), Some(false), "{missed:?}");
        }
    }
}
