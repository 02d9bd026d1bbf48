//! The vendor's network requirements as data.
