//! What others send us, and what we make of it.
