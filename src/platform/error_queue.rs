//! The queue of ICMP errors that Linux keeps for a datagram socket (`IP_RECVERR`, ip(7)).

use crate::path::IcmpError;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::Socket;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6` of `linux/errqueue.h`.
const FROM_ICMP: [u8; 2] = [2, 3];

pub(super) fn open(socket: &Socket, is_v4: bool) -> io::Result<()> {
    if is_v4 {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
    }
    Ok(())
}

pub(super) async fn next(socket: &UdpSocket) -> IcmpError {
    loop {
        match socket.try_io(Interest::ERROR, || read(socket)) {
            Ok(Some(error)) => return error,
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if socket.ready(Interest::ERROR).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            // A queue that cannot be read tells nothing.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Takes one entry from the queue; `None` when it is about something else than an ICMP error.
fn read(socket: &UdpSocket) -> io::Result<Option<IcmpError>> {
    // What is left of the datagram itself is not needed, and cut off.
    let mut datagram = [0; 64];
    let mut parts = [IoSliceMut::new(&mut datagram)];
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let entry = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let Some(about) = entry.address.as_ref().and_then(address) else { return Ok(None) };
    for message in entry.cmsgs()? {
        let (error, from) = match message {
            ControlMessageOwned::Ipv4RecvErr(error, from) => {
                (error, from.map(|from| Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)).into()))
            }
            ControlMessageOwned::Ipv6RecvErr(error, from) => {
                (error, from.map(|from| IpAddr::from(Ipv6Addr::from(from.sin6_addr.s6_addr))))
            }
            _ => continue,
        };
        if FROM_ICMP.contains(&error.ee_origin) {
            let (icmp_type, icmp_code) = (error.ee_type, error.ee_code);
            return Ok(Some(IcmpError { about, from, icmp_type, icmp_code }));
        }
    }
    Ok(None)
}

fn address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}
