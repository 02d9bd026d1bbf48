//! What differs between operating systems, in one place.

use crate::path::IcmpError;
use socket2::Socket;
use tokio::net::UdpSocket;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod error_queue;

/// Whether an unconnected datagram socket is told of ICMP errors here, with the server that they are about.
pub const TELLS_ICMP_ERRORS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Asks the system to keep the ICMP errors of a datagram socket for [`icmp_error`]. Where it cannot, none come.
pub fn keep_icmp_errors(socket: &Socket, is_v4: bool) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = error_queue::open(socket, is_v4) {
        tracing::debug!(%error, "no ICMP errors from this socket");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (socket, is_v4);
}

/// The next ICMP error for a datagram of this socket; never, where the system does not tell. Cancel-safe.
pub async fn icmp_error(socket: &UdpSocket) -> IcmpError {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return error_queue::next(socket).await;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = socket;
        std::future::pending().await
    }
}

/// Waits until the user or the system asks the program to end: Ctrl-C everywhere, SIGTERM where there is one.
pub async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // A system that cannot tell us never ends the run this way.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
