//! The TURN client.

mod ask;
mod client;
mod config;
mod redirect;

pub use ask::{Action, AddressError, Answer, Ask, AskId, Event, Families, Finished, Round};
pub use client::Client;
pub use config::{Config, Flavour, Framing};
pub use redirect::Redirects;
