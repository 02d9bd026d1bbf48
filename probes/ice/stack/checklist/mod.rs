//! "Ranks like the client": a named test for each line of the checklist.

mod libwebrtc;
mod peers;
