#!/usr/bin/env python3
"""The far end of a call: aioice does ICE (RFC 8445, regular nomination), openssl does DTLS, and bytes come back.

    aioice_call.py offer|answer [-o FILE] [--stun HOST:PORT] [--dtls CERT KEY] [--seconds 30]

`offer` prints an SDP offer and an empty line, then reads the answer up to an empty line or the end of input;
`answer` the other way round. Without --dtls every datagram that is not STUN is sent back as it came, and the
fingerprint in the SDP is that of nobody. With --dtls they go to an `openssl s_server` on loopback, which takes
the passive part, asks for the other end's certificate, and says nothing of its own after the handshake. The far
end stays for that many seconds, or until its input ends after the SDP. FILE gets {"state", "selected": {"local",
"remote"}, "datagrams"}.
"""

import argparse
import asyncio
import hashlib
import json
import ssl
import subprocess
import sys

import aioice
from aioice.candidate import Candidate

CONNECT_LIMIT = 30
NOBODY = ":".join(["00"] * 32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["offer", "answer"])
    parser.add_argument("-o", dest="file")
    parser.add_argument("--stun", type=host_and_port)
    parser.add_argument("--dtls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--seconds", type=float, default=30)
    asyncio.run(call(parser.parse_args()))


def host_and_port(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


async def call(options):
    offers = options.role == "offer"
    connection = aioice.Connection(ice_controlling=offers, stun_server=options.stun, use_ipv6=False)
    lines = await standard_input()
    remote = None if offers else Description(await read_sdp(lines))
    await connection.gather_candidates()
    print(local_sdp(connection, options, remote.mid if remote else "0"), flush=True)
    remote = remote or Description(await read_sdp(lines))
    connection.remote_username, connection.remote_password = remote.ufrag, remote.pwd
    for candidate in remote.candidates:
        await connection.add_remote_candidate(candidate)
    await connection.add_remote_candidate(None)

    result = {"state": "failed", "selected": None, "datagrams": 0}
    try:
        await asyncio.wait_for(connection.connect(), CONNECT_LIMIT)
        result["state"] = "connected"
        result["selected"] = selected(connection)
        serve = through_openssl if options.dtls else echo
        work = asyncio.ensure_future(serve(connection, options, result))
        left = asyncio.ensure_future(end_of_input(lines))
        await asyncio.wait([work, left], timeout=options.seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, left):
            task.cancel()
        await asyncio.gather(work, left, return_exceptions=True)
    except (ConnectionError, asyncio.TimeoutError) as error:
        result["cause"] = str(error) or type(error).__name__
    finally:
        await connection.close()
        if options.file:
            with open(options.file, "w") as file:
                json.dump(result, file)


# --- SDP ---------------------------------------------------------------------------------------------------


class Description:
    """What of the other end's SDP matters here: one section, UDP candidates with addresses."""

    def __init__(self, lines):
        values = {}
        self.candidates = []
        for line in lines:
            name, _, value = line.partition(":")
            if name == "a=candidate":
                self.add(value)
            else:
                values.setdefault(name, value)
        self.ufrag, self.pwd = values["a=ice-ufrag"], values["a=ice-pwd"]
        self.mid = values.get("a=mid", "0")

    def add(self, value):
        # aioice refuses the whole description for what it does not know, so that is left out here.
        candidate = Candidate.from_sdp(value)
        if candidate.transport.lower() == "udp" and candidate.type in ("host", "srflx", "relay"):
            if candidate.component == 1:
                self.candidates.append(candidate)


def local_sdp(connection, options, mid):
    setup = "actpass" if options.role == "offer" else "passive"
    fingerprint = fingerprint_of(options.dtls[0]) if options.dtls else NOBODY
    lines = [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mid}",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        f"a=ice-ufrag:{connection.local_username}",
        f"a=ice-pwd:{connection.local_password}",
        f"a=fingerprint:sha-256 {fingerprint}",
        f"a=setup:{setup}",
        f"a=mid:{mid}",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
    ]
    lines += [f"a=candidate:{candidate.to_sdp()}" for candidate in connection.local_candidates]
    return "\r\n".join(lines + ["a=end-of-candidates", "", ""])[:-1]


def fingerprint_of(file):
    with open(file) as pem:
        der = ssl.PEM_cert_to_DER_cert(pem.read())
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(der).digest())


async def standard_input():
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def read_sdp(reader):
    lines = []
    while True:
        line = (await reader.readline()).decode()
        if not line.strip():
            return lines
        lines.append(line.strip())


async def end_of_input(reader):
    while await reader.readline():
        pass


# --- the call ----------------------------------------------------------------------------------------------


def selected(connection):
    # The library keeps the nominated pair of each component to itself.
    pair = connection._nominated[1]
    end = lambda candidate: {
        "type": candidate.type,
        "address": candidate.host,
        "port": candidate.port,
        "priority": candidate.priority,
    }
    return {"local": end(pair.local_candidate), "remote": end(pair.remote_candidate)}


async def echo(connection, options, result):
    while True:
        data = await connection.recv()
        result["datagrams"] += 1
        await connection.send(data)


class Loopback(asyncio.DatagramProtocol):
    """The socket towards openssl."""

    def __init__(self, connection):
        self.connection = connection

    def datagram_received(self, data, address):
        asyncio.ensure_future(self.connection.send(data))


async def through_openssl(connection, options, result):
    certificate, key = options.dtls
    accept = ["-accept", "127.0.0.1:4433", "-cert", certificate, "-key", key, "-mtu", "1200"]
    server = subprocess.Popen(
        ["openssl", "s_server", "-dtls1_2", "-verify", "1", *accept],
        # It ends with its input.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        loop = asyncio.get_running_loop()
        # It says ACCEPT once it listens.
        await loop.run_in_executor(None, lambda: next(line for line in server.stdout if b"ACCEPT" in line))
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Loopback(connection), remote_addr=("127.0.0.1", 4433)
        )
        while True:
            data = await connection.recv()
            result["datagrams"] += 1
            transport.sendto(data)
    finally:
        server.kill()
        server.wait()


main()
