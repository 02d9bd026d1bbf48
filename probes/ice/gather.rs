//! What a client would try, and the candidates that come of it.
