//! The scripts of the locks.

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

script!(ACQUIRE, "acquire.lua");
script!(KEEP, "keep.lua");
script!(GIVE_BACK, "give_back.lua");
script!(LEAVE, "leave.lua");
script!(HOLDERS, "holders.lua");
