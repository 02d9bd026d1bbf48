//! The lines of libwebrtc.
