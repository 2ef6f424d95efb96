//! `Stored`: a value as Redis has it, as `prelude.lua` writes it.

use std::time::Duration;

use bytes::{Buf, Bytes};

use super::answer::FarValue;

/// What the layout begins with. What another version has written is foreign, and a miss.
const VERSION: u8 = b'W';
/// Before the scopes: the version, when the value ends, and how long the scopes are.
const HEAD: usize = 13;
const TOKEN: usize = 16;

/// A value whose parts are whole. Whether it is alive is another question.
#[derive(Debug, PartialEq, Eq)]
pub struct Stored {
    /// In ms since 1970, by the clock of Redis.
    ends: i64,
    scopes: Bytes,
    envelope: Bytes,
}

/// A scope of a value, and its token when the load of the value began.
#[derive(Debug, PartialEq, Eq)]
pub struct Scope<'s> {
    pub name: &'s [u8],
    pub token: &'s [u8],
}

impl Stored {
    /// Reads what was stored; `None` where it is not ours.
    pub fn parse(mut raw: Bytes) -> Option<Self> {
        if raw.len() < HEAD || raw.get_u8() != VERSION {
            return None;
        }
        let ends = raw.get_i64();
        let length = usize::try_from(raw.get_u32()).ok()?;
        if raw.len() < length {
            return None;
        }
        let scopes = raw.split_to(length);
        let mut rest: &[u8] = &scopes;
        while !rest.is_empty() {
            rest = split_scope(rest)?.1;
        }
        Some(Stored {
            ends,
            scopes,
            envelope: raw,
        })
    }

    /// What it lives by.
    pub fn scopes(&self) -> impl Iterator<Item = Scope<'_>> {
        let mut rest: &[u8] = &self.scopes;
        std::iter::from_fn(move || {
            let (scope, others) = split_scope(rest)?;
            rest = others;
            Some(scope)
        })
    }

    /// The value at a moment of the clock of Redis; `None` where it has ended.
    pub fn at(self, now: i64) -> Option<FarValue> {
        let left = u64::try_from(self.ends.saturating_sub(now)).unwrap_or(0);
        if left == 0 {
            return None;
        }
        let tags = self.scopes();
        let tags = tags.filter_map(|scope| scope.name.strip_prefix(b"g:"));
        let tags = tags.map(|tag| String::from_utf8_lossy(tag).into_owned());
        Some(FarValue {
            tags: tags.collect(),
            left: Duration::from_millis(left),
            envelope: self.envelope,
        })
    }
}

fn split_scope(rest: &[u8]) -> Option<(Scope<'_>, &[u8])> {
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (token, rest) = rest.split_at_checked(TOKEN)?;
    Some((Scope { name, token }, rest))
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the script stores it.
    pub fn written(ends: i64, scopes: &[(&str, [u8; TOKEN])], envelope: &[u8]) -> Bytes {
        let mut names = Vec::new();
        for (name, token) in scopes {
            names.extend(u16::try_from(name.len()).expect("short").to_be_bytes());
            names.extend(name.as_bytes());
            names.extend(token);
        }
        let mut raw = vec![VERSION];
        raw.extend(ends.to_be_bytes());
        raw.extend(u32::try_from(names.len()).expect("short").to_be_bytes());
        raw.extend(names);
        raw.extend(envelope);
        raw.into()
    }

    #[test]
    fn a_value_is_read_as_the_script_writes_it() {
        let raw = written(1_500, &[("*", [7; 16]), ("g:a", [8; 16])], b"envelope");
        let stored = Stored::parse(raw).expect("is whole");
        let scopes: Vec<Scope<'_>> = stored.scopes().collect();
        assert_eq!((scopes[0].name, scopes[0].token), (&b"*"[..], &[7; 16][..]));
        assert_eq!(
            (scopes[1].name, scopes[1].token),
            (&b"g:a"[..], &[8; 16][..])
        );
        let value = stored.at(1_000).expect("is alive");
        assert_eq!(value.left, Duration::from_millis(500));
        assert_eq!(value.tags, ["a"]);
        assert_eq!(value.envelope, "envelope");
    }

    #[test]
    fn a_value_ends_at_its_end_by_the_clock_of_redis() {
        let raw = written(1_500, &[], b"envelope");
        let at = |now| Stored::parse(raw.clone()).expect("is whole").at(now);
        assert_eq!(at(1_499).map(|it| it.left), Some(Duration::from_millis(1)));
        for now in [1_500, 1_501, i64::MAX] {
            assert!(at(now).is_none(), "{now}");
        }
    }

    #[test]
    fn c19_the_layout_of_an_older_version_is_foreign() {
        // 'V', a count of scopes, each with its name and token, and the envelope.
        let mut old = b"V\0\x01\0\x01*".to_vec();
        old.extend([7; TOKEN]);
        old.extend(b"dm1 and more");
        assert_eq!(Stored::parse(old.into()), None);
        let mut other = written(1, &[("*", [7; 16])], b"envelope").to_vec();
        other[0] = b'V';
        assert_eq!(Stored::parse(other.into()), None);
    }

    #[test]
    fn c19_scopes_that_end_within_one_are_foreign() {
        let mut raw = written(1, &[("*", [7; 16]), ("n:a", [8; 16])], b"envelope").to_vec();
        for shorter in [1, 16, 17, 20] {
            let length = u32::try_from(2 * (2 + 16) + 4 - shorter).expect("short");
            raw[9..HEAD].copy_from_slice(&length.to_be_bytes());
            assert_eq!(Stored::parse(raw.clone().into()), None, "{shorter}");
        }
    }

    proptest! {
        #[test]
        fn c19_foreign_bytes_are_no_panic(
            mut raw in proptest::collection::vec(any::<u8>(), 0..80),
            is_ours: bool,
            short in 0..90_u32,
            now: i64,
        ) {
            if is_ours && raw.len() >= HEAD {
                raw[0] = VERSION;
                raw[9..HEAD].copy_from_slice(&short.to_be_bytes());
            }
            if let Some(stored) = Stored::parse(raw.clone().into()) {
                prop_assert!(HEAD + stored.scopes.len() + stored.envelope.len() == raw.len());
                let _ = stored.at(now);
            }
        }

        #[test]
        fn c19_a_cut_value_is_foreign_until_its_scopes_are_whole(
            scopes in proptest::collection::vec(("[a-z:]{0,9}", any::<[u8; TOKEN]>()), 1..4),
            at: prop::sample::Index,
        ) {
            let scopes: Vec<_> = scopes.iter().map(|(name, token)| (name.as_str(), *token)).collect();
            let raw = written(1, &scopes, b"");
            let cut = raw.slice(..at.index(raw.len()));
            prop_assert!(Stored::parse(raw).is_some());
            prop_assert_eq!(Stored::parse(cut), None);
        }
    }
}
