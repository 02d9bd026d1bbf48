//! The TURN client.
