//! What a process tells the others: which scopes and keys of an owner were invalidated.
//!
//! ```text
//! 0   16 bytes  name of the owner's count, new when it begins anew
//! 16  u64       count of the owner's invalidations, this one included
//! 24  16 bytes  who sends it
//! 40  u16       length of the owner's name, and the name
//! …   u16       length of a scope's or key's name, and the name; to the end
//! ```
//!
//! Numbers are big-endian. `prelude.lua` writes it, in the script that invalidates.

/// An announcement.
#[derive(Debug, PartialEq, Eq)]
pub struct Announcement<'m> {
    pub count_name: [u8; 16],
    pub count: u64,
    pub sender: [u8; 16],
    pub owner: &'m str,
    pub names: Vec<&'m [u8]>,
}

impl<'m> Announcement<'m> {
    /// Reads a message; `None` where it is none.
    pub fn parse(message: &'m [u8]) -> Option<Self> {
        let (count_name, rest) = message.split_first_chunk::<16>()?;
        let (count, rest) = rest.split_first_chunk::<8>()?;
        let (sender, rest) = rest.split_first_chunk::<16>()?;
        let (owner, mut rest) = name(rest)?;
        let mut names = Vec::new();
        while !rest.is_empty() {
            let (next, after) = name(rest)?;
            names.push(next);
            rest = after;
        }
        Some(Announcement {
            count_name: *count_name,
            count: u64::from_be_bytes(*count),
            sender: *sender,
            owner: std::str::from_utf8(owner).ok()?,
            names,
        })
    }
}

fn name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn c18_a_message_is_read() {
        let mut message = vec![1; 16];
        message.extend(7_u64.to_be_bytes());
        message.extend([2; 16]);
        for text in ["acme", "n:orders", "k:orders:7"] {
            message.extend(u16::try_from(text.len()).expect("short").to_be_bytes());
            message.extend(text.as_bytes());
        }
        let read = Announcement::parse(&message).expect("reads");
        assert_eq!((read.owner, read.count), ("acme", 7));
        assert_eq!(read.names, [b"n:orders".as_slice(), b"k:orders:7"]);
        message.pop();
        assert_eq!(Announcement::parse(&message), None);
    }

    proptest! {
        #[test]
        fn c18_foreign_messages_are_no_panic(message in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Announcement::parse(&message);
        }
    }
}
