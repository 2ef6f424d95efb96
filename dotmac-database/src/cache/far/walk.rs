//! `Walk`: over the keys of servers in small steps, none of which holds a server up.

use bytes::Bytes;

use super::home::Home;
use super::protocol::Far;
use super::script;
use crate::redis::{Fault, Redis, Script, Step};

/// How many keys a step looks at.
const STEP: u32 = 200;

/// A walk. A key that is there all the time is met; one may be met twice.
pub struct Walk {
    redis: Redis,
    pattern: Bytes,
    /// Servers that are to come, each by one of its slots.
    slots: Vec<u16>,
    /// Where it goes on.
    at: Option<(u16, Bytes)>,
}

impl Walk {
    /// How many keys a step looks at.
    pub const STEP: u32 = STEP;

    /// The keys of the next step; `None` at the end. Of all keys that it looked at, those that match: often
    /// none.
    pub async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Fault> {
        let begin = |slot| (slot, Bytes::from_static(b"0"));
        let Some((slot, cursor)) = self.at.take().or_else(|| self.slots.pop().map(begin)) else {
            return Ok(None);
        };
        let step = Step {
            cursor: &cursor,
            pattern: &self.pattern,
            count: STEP,
        };
        let scanned = self.redis.scan(slot, step).await?;
        self.at = scanned.next.map(|cursor| (slot, cursor));
        Ok(Some(scanned.keys))
    }
}

impl Far {
    /// Over all values, of all owners.
    pub fn walk(&self) -> Result<Walk, Fault> {
        Ok(Walk {
            redis: self.redis().clone(),
            pattern: Bytes::from_static(b"dotmac:{*}:v:*"),
            slots: self.redis().slots()?,
            at: None,
        })
    }

    /// Over the keys of a home that go on with a pattern.
    pub fn walk_home(&self, home: &Home, rest: &str) -> Walk {
        let root = home.root();
        Walk {
            redis: self.redis().clone(),
            slots: vec![self.redis().slot(root.as_bytes())],
            pattern: Bytes::from(format!("{}{rest}", literal(&root))),
            at: None,
        }
    }

    /// Removes keys of a home; how many there were.
    pub async fn unlink(&self, home: &Home, keys: &[Bytes]) -> Result<u64, Fault> {
        self.removed(&script::UNLINK, keys, vec![home.prefix()])
            .await
    }

    /// Removes those of some values of a home that have a scope.
    pub async fn erase(&self, home: &Home, keys: &[Bytes], scope: &str) -> Result<u64, Fault> {
        let arguments = vec![home.prefix(), Bytes::copy_from_slice(scope.as_bytes())];
        self.removed(&script::ERASE, keys, arguments).await
    }

    /// Removes those of some values of a home that nobody can find any more.
    pub async fn sweep(&self, home: &Home, keys: &[Bytes]) -> Result<u64, Fault> {
        self.removed(&script::SWEEP, keys, vec![home.prefix()])
            .await
    }

    async fn removed(
        &self,
        script: &Script,
        keys: &[Bytes],
        arguments: Vec<Bytes>,
    ) -> Result<u64, Fault> {
        let mut removed = 0;
        // A step can find more keys than it was to look at.
        for keys in keys.chunks(500) {
            let answer = self.redis().run(script, keys, arguments.clone()).await?;
            removed += u64::try_from(answer.number()?).unwrap_or(0);
        }
        Ok(removed)
    }
}

/// A text as a pattern of itself.
pub fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if "*?[]\\^".contains(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}
