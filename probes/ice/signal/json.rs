//! JSON of a description (follows).
