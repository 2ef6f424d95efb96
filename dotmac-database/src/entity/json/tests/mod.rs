//! What is written reads back, and what a client may not set is refused.

mod refusal;
mod round_trip;
mod sample;
