//! Pools and servers as they are in the field: crowded, killed, and spoken to by strangers.

mod crowd;
mod death;
mod quoting;
