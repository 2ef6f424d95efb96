//! The scripts of the cache.

use crate::redis::Script;

macro_rules! script {
    ($name:ident, $file:literal) => {
        #[doc = concat!("`", $file, "`, with `prelude.lua` before it.")]
        pub static $name: Script = {
            const SOURCE: &str = concat!(include_str!("prelude.lua"), include_str!($file));
            Script::new(SOURCE, || Script::sha(SOURCE))
        };
    };
}

script!(READ, "read.lua");
script!(FILL, "fill.lua");
script!(WRITE, "write.lua");
script!(REMOVE, "remove.lua");
script!(DROP, "drop.lua");
script!(EXPIRE, "expire.lua");
script!(COUNT, "count.lua");
script!(PATTERN, "pattern.lua");
script!(ERASE, "erase.lua");
script!(SWEEP, "sweep.lua");
script!(UNLINK, "unlink.lua");
