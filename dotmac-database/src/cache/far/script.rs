//! The scripts of the cache.

use crate::redis::script;

script!(READ, "read.lua");
script!(FILL, "fill.lua");
script!(FORGO, "forgo.lua");
script!(WRITE, "write.lua");
script!(REMOVE, "remove.lua");
script!(DROP, "drop.lua");
script!(EXPIRE, "expire.lua");
script!(COUNT, "count.lua");
script!(PATTERN, "pattern.lua");
script!(ERASE, "erase.lua");
script!(SWEEP, "sweep.lua");
script!(UNLINK, "unlink.lua");
