//! The scripts of the locks.

use crate::redis::script;

script!(ACQUIRE, "acquire.lua");
script!(KEEP, "keep.lua");
script!(RESUME, "resume.lua");
script!(GIVE_BACK, "give_back.lua");
script!(LEAVE, "leave.lua");
script!(HOLDERS, "holders.lua");
