//! `Script`: Lua that Redis runs as one step, known to the server by its SHA-1.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::Fault;
use super::port::{Command, Port, Reply};

/// A script. All its keys must be of one hash slot.
pub struct Script {
    source: &'static str,
    sha: LazyLock<Bytes, fn() -> Bytes>,
}

impl Script {
    /// A script, and the function that gives its SHA-1: `|| Script::sha(SOURCE)`.
    pub const fn new(source: &'static str, sha: fn() -> Bytes) -> Self {
        Script {
            source,
            sha: LazyLock::new(sha),
        }
    }

    /// The SHA-1 of a source in hexadecimal digits, as EVALSHA wants it.
    pub fn sha(source: &str) -> Bytes {
        let digest = Sha1::digest(source.as_bytes());
        let mut hex = String::with_capacity(40);
        for byte in digest {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Bytes::from(hex)
    }

    /// Runs it in one round trip, and in two where the server has not seen it since its start.
    pub(super) async fn run(
        &self,
        port: &dyn Port,
        keys: &[Bytes],
        arguments: Vec<Bytes>,
    ) -> Result<Reply, Fault> {
        match port.call(self.known(keys, arguments.clone())).await {
            Err(fault) if is_unknown(&fault) => port.call(self.whole(keys, arguments)).await,
            answer => answer,
        }
    }

    /// The same, and waits for replicas: the answer, and how many have received what it wrote.
    pub(super) async fn run_and_wait(
        &self,
        port: &dyn Port,
        keys: &[Bytes],
        arguments: Vec<Bytes>,
        replicas: u32,
        within: Duration,
    ) -> Result<(Reply, u32), Fault> {
        let known = self.known(keys, arguments.clone());
        match port.call_and_wait(known, replicas, within).await {
            Err(fault) if is_unknown(&fault) => {
                let whole = self.whole(keys, arguments);
                port.call_and_wait(whole, replicas, within).await
            }
            answer => answer,
        }
    }

    fn known<'k>(&self, keys: &'k [Bytes], arguments: Vec<Bytes>) -> Command<'k> {
        command("EVALSHA", self.sha.clone(), keys, arguments)
    }

    fn whole<'k>(&self, keys: &'k [Bytes], arguments: Vec<Bytes>) -> Command<'k> {
        let source = Bytes::from_static(self.source.as_bytes());
        command("EVAL", source, keys, arguments)
    }
}

fn command<'k>(
    name: &'static str,
    script: Bytes,
    keys: &'k [Bytes],
    arguments: Vec<Bytes>,
) -> Command<'k> {
    let mut all = Vec::with_capacity(2 + keys.len() + arguments.len());
    all.push(script);
    all.push(Bytes::from(keys.len().to_string()));
    all.extend(keys.iter().cloned());
    all.extend(arguments);
    Command {
        name,
        key: keys.first().map(|key| &**key).unwrap_or_default(),
        arguments: all,
    }
}

/// Whether the server has not seen the script since its start.
fn is_unknown(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { code } if code == "NOSCRIPT")
}

/// Makes a [`Script`] of a Lua file, with the `prelude.lua` beside it before it.
macro_rules! script {
    ($name:ident, $file:literal) => {
        #[doc = concat!("`", $file, "`, with `prelude.lua` before it.")]
        pub static $name: $crate::redis::Script = {
            const SOURCE: &str = concat!(include_str!("prelude.lua"), include_str!($file));
            $crate::redis::Script::new(SOURCE, || $crate::redis::Script::sha(SOURCE))
        };
    };
}
pub(crate) use script;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha_is_that_of_redis() {
        // From the documentation of SCRIPT LOAD.
        assert_eq!(
            Script::sha("return 'hello moto'"),
            "232fd51614574cf0867b83d384a5e898cfd24e5a"
        );
    }
}
