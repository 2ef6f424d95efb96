//! The expansion of a typical entity, held readable by a snapshot.
