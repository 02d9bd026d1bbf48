//! STUN: messages, the raw layer, schedules, transactions.
