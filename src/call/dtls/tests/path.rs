//! A path in memory with a middlebox on it.

use super::super::{PathConn, PathFeed};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// What the middlebox does with a datagram.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    Pass,
    Lose,
    Late(Duration),
    /// Passes it, after several that nobody asked for.
    Garbage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forth,
    Back,
}

pub(super) struct Path {
    pub(super) here: Arc<PathConn>,
    pub(super) there: Arc<PathConn>,
}

pub(super) fn addresses() -> (SocketAddr, SocketAddr) {
    ("192.0.2.1:5000".parse().unwrap(), "192.0.2.2:6000".parse().unwrap())
}

/// A path whose middlebox is asked about each datagram, with its direction and its number in that direction.
pub(super) fn path(judge: impl Fn(Direction, usize, &[u8]) -> Verdict + Send + Sync + 'static) -> Path {
    let (a, b) = addresses();
    let (here, here_end) = PathConn::pair(64, a, b);
    let (there, there_end) = PathConn::pair(64, b, a);
    let judge: Judge = Arc::new(judge);
    link(here_end.outgoing, there_end.feed, Direction::Forth, Arc::clone(&judge));
    link(there_end.outgoing, here_end.feed, Direction::Back, judge);
    Path { here: Arc::new(here), there: Arc::new(there) }
}

type Judge = Arc<dyn Fn(Direction, usize, &[u8]) -> Verdict + Send + Sync>;

fn link(mut from: mpsc::Receiver<Vec<u8>>, to: PathFeed, direction: Direction, judge: Judge) {
    tokio::spawn(async move {
        let mut number = 0;
        while let Some(datagram) = from.recv().await {
            match judge(direction, number, &datagram) {
                Verdict::Lose => {}
                Verdict::Pass => drop(to.deliver(datagram)),
                Verdict::Late(by) => {
                    let (to, at) = (to.clone(), Instant::now() + by);
                    tokio::spawn(async move {
                        sleep_until(at).await;
                        to.deliver(datagram);
                    });
                }
                Verdict::Garbage => {
                    for noise in garbage(&datagram) {
                        to.deliver(noise);
                    }
                    to.deliver(datagram);
                }
            }
            number += 1;
        }
    });
}

/// What a path may bring that no peer of ours sent.
fn garbage(datagram: &[u8]) -> Vec<Vec<u8>> {
    let cut = datagram[..datagram.len() / 2].to_vec();
    let mut other_version = datagram.to_vec();
    other_version[1] ^= 0x40;
    vec![
        Vec::new(),
        vec![22],
        vec![0x80; 172],
        vec![23; 1200],
        vec![63; 20],
        [&[22, 0xFE, 0xFD][..], &[0; 8], &[0xFF, 0xFF]].concat(),
        cut,
        other_version,
    ]
}
