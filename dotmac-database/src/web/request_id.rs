//! The request's id: the client's, if it is sane, or else a new one.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::context::RequestContext;

/// The header that brings it in and takes it out.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Visible ASCII of at most 255 bytes goes on; anything else becomes a UUIDv7.
pub fn of(headers: &HeaderMap) -> String {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    match given.filter(|id| is_sane(id)) {
        Some(id) => id.to_owned(),
        None => Uuid::now_v7().to_string(),
    }
}

pub fn value(id: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(id).ok()
}

fn is_sane(id: &str) -> bool {
    let length = 1..=RequestContext::MAX_LEN;
    length.contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_of_bounded_length_goes_on() {
        for sane in ["r-1", "';DROP--", &"x".repeat(255)] {
            assert!(is_sane(sane), "{sane}");
        }
        for odd in ["", "a b", "a\tb", "é", &"x".repeat(256)] {
            assert!(!is_sane(odd), "{odd}");
        }
    }
}
