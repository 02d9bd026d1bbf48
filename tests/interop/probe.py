#!/usr/bin/env python3
"""An independent TURN probe: one allocation over one URL, step by step, with the time of each step.

    probe.py URL [--username U --password P] [--ca-file F] [--proxy HOST:PORT] [--patience SECONDS]

Prints one JSON object: {"steps": {"resolve": ms, "connect": ms, "tunnel": ms, "tls": ms, "challenge": ms,
"allocate": ms}, "total_ms": ms, "tls_version": text, "failed": step or null, "detail": text}. It shares no
code with raincheck: it shows what the network does, and what the shortest way through it takes.
"""

import argparse
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import struct
import time

MAGIC = 0x2112A442
ALLOCATE, REFRESH = 0x0003, 0x0004
USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, LIFETIME = 0x0006, 0x0008, 0x0009, 0x000D
REALM, NONCE, REQUESTED_TRANSPORT = 0x0014, 0x0015, 0x0019


def main():
    options = parse_arguments()
    report = {"steps": {}, "total_ms": None, "tls_version": None, "failed": None, "detail": ""}
    began = time.monotonic()
    try:
        run(options, report)
        report["total_ms"] = (time.monotonic() - began) * 1000 - report["steps"].pop("release")
    except (OSError, ValueError) as error:
        report["failed"] = report.pop("at")
        report["detail"] = f"{type(error).__name__}: {error}"
    report.pop("at", None)
    print(json.dumps(report))


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--username")
    parser.add_argument("--password", default="")
    parser.add_argument("--ca-file")
    parser.add_argument("--proxy")
    parser.add_argument("--patience", type=float, default=2.0)
    return parser.parse_args()


def run(options, report):
    scheme, host, port, transport = parse_url(options.url)
    step = Clock(report)
    step.begin("resolve")
    dial_host, dial_port = options.proxy.split(":") if options.proxy else (host, port)
    address = socket.getaddrinfo(dial_host, int(dial_port), socket.AF_INET)[0][4]
    step.begin("connect")
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
    wire.settimeout(options.patience)
    wire.connect(address)
    if transport != "udp":
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.proxy:
        step.begin("tunnel")
        tunnel(wire, host, port)
    if scheme == "turns":
        step.begin("tls")
        context = ssl.create_default_context(cafile=options.ca_file)
        wire = context.wrap_socket(wire, server_hostname=host)
        report["tls_version"] = wire.version()
    step.begin("challenge")
    _, code, answer = ask(wire, ALLOCATE, transport_udp())
    if code != 401 or not options.username:
        step.end()
        step.begin("release")
        step.end()
        return
    step.begin("allocate")
    realm, nonce = answer[REALM], answer[NONCE]
    key = hashlib.md5(b":".join([options.username.encode(), realm, options.password.encode()])).digest()
    identity = attribute(USERNAME, options.username.encode()) + attribute(REALM, realm) + attribute(NONCE, nonce)
    success, code, _ = ask(wire, ALLOCATE, transport_udp() + identity, key)
    if not success:
        raise ValueError(f"the server answered {code}")
    step.begin("release")
    ask(wire, REFRESH, attribute(LIFETIME, struct.pack("!I", 0)) + identity, key)
    step.end()


def parse_url(url):
    found = re.fullmatch(r"(turns?):([^:?]+):(\d+)(?:\?transport=(udp|tcp))?", url)
    if not found:
        raise SystemExit(f"probe: not a URL it knows: {url}")
    scheme, host, port, transport = found.groups()
    return scheme, host, int(port), transport or ("tcp" if scheme == "turns" else "udp")


class Clock:
    """The time of each step; one begins where the last ended."""

    def __init__(self, report):
        self.report = report
        self.began = None

    def begin(self, name):
        self.end()
        self.report["at"] = name
        self.began = time.monotonic()

    def end(self):
        if self.began is not None:
            self.report["steps"][self.report["at"]] = (time.monotonic() - self.began) * 1000
            self.began = None


def tunnel(wire, host, port):
    wire.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65_536:
        piece = wire.recv(4096)
        if not piece:
            break
        head += piece
    status = head.split(b"\r\n")[0].decode(errors="replace")
    if " 200 " not in status + " ":
        raise ValueError(f"the proxy answered {status}")


def transport_udp():
    return attribute(REQUESTED_TRANSPORT, bytes([17, 0, 0, 0]))


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def ask(wire, kind, attributes, key=None):
    """Sends a request and reads its answer: whether it is a success, the error code, the attributes."""
    transaction = os.urandom(12)
    length = len(attributes) + (24 if key else 0)
    message = struct.pack("!HHI", kind, length, MAGIC) + transaction + attributes
    if key:
        message += attribute(MESSAGE_INTEGRITY, hmac.new(key, message, hashlib.sha1).digest())
    wire.sendall(message)
    while True:
        head, body = receive(wire)
        if head[8:20] == transaction:
            found = parse(body)
            error = found.get(ERROR_CODE, bytes(4))
            return struct.unpack("!H", head[:2])[0] & 0x0110 == 0x0100, error[2] * 100 + error[3], found


def receive(wire):
    if wire.type == socket.SOCK_DGRAM:
        packet = wire.recv(65_535)
        return packet[:20], packet[20:]
    head = exactly(wire, 20)
    return head, exactly(wire, struct.unpack("!H", head[2:4])[0])


def exactly(wire, count):
    data = b""
    while len(data) < count:
        piece = wire.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


def parse(body):
    found, at = {}, 0
    while at + 4 <= len(body):
        kind, length = struct.unpack("!HH", body[at : at + 4])
        found.setdefault(kind, body[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    return found


if __name__ == "__main__":
    main()
