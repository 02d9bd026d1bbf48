use super::*;
use crate::path::dial::SystemDial;
use crate::path::icmp::{IcmpError, Rejection};
use crate::path::udp::{ControlResult, Incoming, SharedUdp, UdpLink, udp_control};
use crate::platform;
use crate::settings::Families;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

fn system() -> SystemDial {
    SystemDial { families: Families { v4: true, v6: true }, source_v4: None, source_v6: None, pins: vec![] }
}

fn loopback() -> SocketAddr {
    address("127.0.0.1:0")
}

async fn server() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(loopback()).await.unwrap();
    let at = socket.local_addr().unwrap();
    (socket, at)
}

async fn bytes(link: &mut UdpLink) -> Vec<u8> {
    match link.recv().await {
        Some(Incoming::Datagram(datagram)) => datagram.bytes,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_link_hears_its_own_server() {
    let ((one, one_at), (two, two_at), (stranger, _)) = (server().await, server().await, server().await);
    let shared = SharedUdp::open(&system(), loopback(), Clock::start()).unwrap();
    let (mut to_one, mut to_two) = (shared.link(one_at).unwrap(), shared.link(two_at).unwrap());
    to_one.send(b"hello").await.unwrap();
    let mut buffer = [0; 64];
    let (length, from) = one.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..length], from), (&b"hello"[..], shared.local()));
    stranger.send_to(b"who?", shared.local()).await.unwrap();
    two.send_to(b"two", shared.local()).await.unwrap();
    one.send_to(b"one", shared.local()).await.unwrap();
    assert_eq!(bytes(&mut to_one).await, b"one");
    assert_eq!(bytes(&mut to_two).await, b"two");
    assert_eq!(shared.strays(), 1);
}

#[tokio::test]
async fn a_server_has_one_link_at_a_time() {
    let (_, at) = server().await;
    let shared = SharedUdp::open(&system(), loopback(), Clock::start()).unwrap();
    let link = shared.link(at);
    assert!(link.is_some() && shared.link(at).is_none());
    drop(link);
    assert!(shared.link(at).is_some());
}

#[tokio::test]
async fn what_nobody_reads_is_dropped_and_counted() {
    let (one, at) = server().await;
    let (two, two_at) = server().await;
    let shared = SharedUdp::open(&system(), loopback(), Clock::start()).unwrap();
    let (link, mut last) = (shared.link(at).unwrap(), shared.link(two_at).unwrap());
    // In small bursts, each followed by one to the other link, so that no socket buffer drops any itself.
    for _ in 0..60 {
        for _ in 0..10 {
            one.send_to(b"x", shared.local()).await.unwrap();
        }
        two.send_to(b"mark", shared.local()).await.unwrap();
        last.recv().await.unwrap();
    }
    assert_eq!(link.dropped(), 600 - 512);
}

#[tokio::test]
async fn the_socket_is_closed_with_its_last_user() {
    let (_, at) = server().await;
    let shared = SharedUdp::open(&system(), loopback(), Clock::start()).unwrap();
    let (local, link) = (shared.local(), shared.link(at).unwrap());
    drop(shared);
    assert!(UdpSocket::bind(local).await.is_err(), "the link still holds it");
    drop(link);
    while UdpSocket::bind(local).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_closed_port_shows_itself_to_the_control() {
    let (socket, at) = server().await;
    drop(socket);
    let schedule = [0, 20, 40].map(Duration::from_millis);
    let result = udp_control(&system(), loopback(), at, b"x", &schedule, Duration::from_secs(5)).await;
    let ControlResult::Rejected(Rejection { cause, icmp }) = result else { panic!("{result:?}") };
    assert_eq!(cause, Cause::Refused);
    if platform::TELLS_ICMP_ERRORS {
        assert_eq!(icmp, Some(port_unreachable(at)));
    }
}

fn port_unreachable(about: SocketAddr) -> IcmpError {
    let (icmp_type, icmp_code) = if about.is_ipv4() { (3, 3) } else { (1, 4) };
    IcmpError { about, from: Some(about.ip()), icmp_type, icmp_code }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[tokio::test]
async fn a_shared_socket_tells_whose_port_is_closed_and_serves_the_others() {
    for local in ["127.0.0.1:0", "[::1]:0"].map(address) {
        let closed = [UdpSocket::bind(local).await.unwrap(), UdpSocket::bind(local).await.unwrap()];
        let [one_at, two_at] = closed.map(|socket| socket.local_addr().unwrap());
        let open = UdpSocket::bind(local).await.unwrap();
        let shared = SharedUdp::open(&system(), local, Clock::start()).unwrap();
        let [mut one, mut two, mut other] =
            [one_at, two_at, open.local_addr().unwrap()].map(|at| shared.link(at).unwrap());
        // Many more than the errors in a row after which a socket counts as dead.
        for _ in 0..300 {
            one.send(b"x").await.unwrap();
            two.send(b"x").await.unwrap();
            assert_eq!(one.recv().await, Some(Incoming::Icmp(port_unreachable(one_at))));
            assert_eq!(two.recv().await, Some(Incoming::Icmp(port_unreachable(two_at))));
        }
        one.send(b"x").await.unwrap();
        other.send(b"ping").await.unwrap();
        let mut buffer = [0; 64];
        let (length, from) = open.recv_from(&mut buffer).await.unwrap();
        open.send_to(&buffer[..length], from).await.unwrap();
        assert_eq!(bytes(&mut other).await, b"ping");
    }
}

#[tokio::test]
async fn an_answer_to_the_control_is_handed_on() {
    let (socket, at) = server().await;
    let echo = tokio::spawn(async move {
        let mut buffer = [0; 64];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        socket.send_to(&buffer[..length], from).await.unwrap();
    });
    let result =
        udp_control(&system(), loopback(), at, b"ping", &[Duration::ZERO], Duration::from_secs(5)).await;
    assert_eq!(result, ControlResult::Answered(b"ping".to_vec()));
    echo.await.unwrap();
}

/// A socket that sends into the void, or into an error.
struct Void {
    clock: Clock,
    sent: Mutex<Vec<f64>>,
    error: Option<io::ErrorKind>,
}

struct VoidDial(Arc<Void>);

impl Dial for VoidDial {
    fn tcp(&self, _: SocketAddr, _: Option<IpAddr>) -> BoxFuture<'static, io::Result<TcpStream>> {
        Box::pin(pending())
    }

    fn udp(&self, _: SocketAddr) -> io::Result<Arc<dyn Datagrams>> {
        Ok(Arc::clone(&self.0) as Arc<dyn Datagrams>)
    }

    fn lookup(&self, _: &str) -> BoxFuture<'static, Result<Vec<IpAddr>, LookupFailure>> {
        Box::pin(pending())
    }
}

impl Datagrams for Void {
    fn try_send_to(&self, bytes: &[u8], _: SocketAddr) -> io::Result<usize> {
        self.sent.lock().unwrap().push(self.clock.now().as_ms());
        self.error.map_or(Ok(bytes.len()), |kind| Err(kind.into()))
    }

    fn writable(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn poll_recv_from(&self, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>> {
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(loopback())
    }

    fn connect(&self, _: SocketAddr) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

async fn control_into(error: Option<io::ErrorKind>) -> (ControlResult, Vec<f64>, f64) {
    let void = Arc::new(Void { clock: Clock::start(), sent: Mutex::default(), error });
    let schedule = [0, 100, 300].map(Duration::from_millis);
    let within = Duration::from_millis(900);
    let dial = VoidDial(Arc::clone(&void));
    let result = udp_control(&dial, loopback(), address("192.0.2.1:3478"), b"x", &schedule, within).await;
    let sent = void.sent.lock().unwrap().clone();
    (result, sent, void.clock.now().as_ms())
}

#[tokio::test(start_paused = true)]
async fn the_control_keeps_its_schedule_and_its_bound() {
    let expected = (ControlResult::Silent { requests: 3 }, vec![0.0, 100.0, 300.0], 900.0);
    assert_eq!(control_into(None).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_local_firewall_shows_itself_to_the_control() {
    let (result, sent, _) = control_into(Some(io::ErrorKind::PermissionDenied)).await;
    let ControlResult::Rejected(Rejection { cause: Cause::LocalRefusal { .. }, icmp: None }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(sent, [0.0]);
}
