#!/usr/bin/env python3
"""What a NAT makes of one UDP socket: its mappings towards several STUN servers, and what it lets in.

    nat_probe.py HOST:PORT…

Prints a JSON line with the mapped address that each server sees, in order. Then, for each line of input, sends
one more Binding request to the first server and prints a JSON line with the addresses from which anything else
arrived before the answer.
"""

import json
import os
import socket
import struct
import sys

COOKIE = 0x2112A442
BINDING = 0x0001
XOR_MAPPED_ADDRESS = 0x0020
PATIENCE = 5


def main():
    servers = [(host, int(port)) for host, port in (text.rsplit(":", 1) for text in sys.argv[1:])]
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.settimeout(PATIENCE)
    probe.bind(("", 0))
    print(json.dumps([ask(probe, server)[0] for server in servers]), flush=True)
    for _ in sys.stdin:
        print(json.dumps(ask(probe, servers[0])[1]), flush=True)


def ask(probe, server):
    transaction = os.urandom(12)
    probe.sendto(struct.pack("!HHI", BINDING, 0, COOKIE) + transaction, server)
    others = []
    while True:
        data, source = probe.recvfrom(2048)
        if data[8:20] == transaction:
            return mapped(data), others
        others.append(f"{source[0]}:{source[1]}")


def mapped(answer):
    at = 20
    while at + 4 <= len(answer):
        kind, length = struct.unpack_from("!HH", answer, at)
        if kind == XOR_MAPPED_ADDRESS:
            port, address = struct.unpack_from("!HI", answer, at + 6)
            return f"{socket.inet_ntoa(struct.pack('!I', address ^ COOKIE))}:{port ^ (COOKIE >> 16)}"
        at += 4 + (length + 3) // 4 * 4
    raise SystemExit("an answer without a mapped address")


main()
