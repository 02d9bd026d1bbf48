//! Happy eyeballs (RFC 8305), and how silence is judged.
