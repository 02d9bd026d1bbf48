#!/usr/bin/env python3
"""A delay box: two TUN devices and a process that holds every packet between them.

The kernels that the tests run on may have no netem. Packets that enter one device leave the other after a
fixed time, in order, each way on its own. Jitter, loss and a rate may be added; all are off by default.

    delay.py NEAR FAR [--delay-ms 20] [--jitter-ms 0] [--loss 0] [--rate-kbit 0] [--queue-ms 200] [--seed 0]

Makes the devices NEAR and FAR in its own network namespace and prints `ready`; whoever started it moves
them to where they belong. It ends when a device is taken away, or on a signal.
"""

import argparse
import errno
import fcntl
import gc
import os
import random
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
LARGEST_PACKET = 65_535
# A device that is down refuses the packet; that is loss, not a reason to stop.
REFUSED = (errno.EIO, errno.EAGAIN, errno.EINVAL, errno.ENOBUFS)


class Direction:
    """Packets on their way from one device to the other."""

    def __init__(self, source, sink, options, seed):
        self.source = source
        self.sink = sink
        self.options = options
        self.random = random.Random(seed)
        self.held = deque()
        self.line_free_at = 0.0
        self.last_due = 0.0

    def accept(self, packet, now):
        """Holds a packet, or drops it."""
        options = self.options
        if options.loss and self.random.random() < options.loss:
            return
        leaves = now
        if options.rate_kbit:
            starts = max(now, self.line_free_at)
            if (starts - now) * 1000 > options.queue_ms:
                return
            leaves = self.line_free_at = starts + len(packet) * 8 / (options.rate_kbit * 1000)
        due = leaves + options.delay_ms / 1000
        if options.jitter_ms:
            due += self.random.uniform(0, options.jitter_ms) / 1000
        # One path keeps its order: a packet never overtakes another.
        due = self.last_due = max(due, self.last_due)
        self.held.append((due, packet))

    def release(self, now):
        """Sends every packet whose time has come."""
        held = self.held
        while held and held[0][0] <= now:
            try:
                os.write(self.sink, held.popleft()[1])
            except OSError as error:
                if error.errno not in REFUSED:
                    raise

    def next_due(self):
        return self.held[0][0] if self.held else None


def main():
    options = parse_arguments()
    near, far = open_tun(options.near), open_tun(options.far)
    become_punctual()
    print("ready", flush=True)
    try:
        carry([Direction(near, far, options, options.seed), Direction(far, near, options, options.seed + 1)])
    except OSError as error:
        # The namespace that held a device is gone.
        if error.errno != errno.EBADFD:
            raise
    except KeyboardInterrupt:
        pass


def parse_arguments():
    parser = argparse.ArgumentParser(description="Holds packets between two TUN devices.")
    parser.add_argument("near")
    parser.add_argument("far")
    parser.add_argument("--delay-ms", type=float, default=20.0, help="time from one device to the other")
    parser.add_argument("--jitter-ms", type=float, default=0.0, help="up to this much more, at random")
    parser.add_argument("--loss", type=float, default=0.0, help="share of packets dropped each way, 0 to 1")
    parser.add_argument("--rate-kbit", type=float, default=0.0, help="line rate each way, 0 for no limit")
    parser.add_argument("--queue-ms", type=float, default=200.0, help="longest queue before the line")
    parser.add_argument("--seed", type=int, default=0, help="seed of jitter and loss")
    return parser.parse_args()


def open_tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def become_punctual():
    """Asks to run ahead of the load of the tests; without the right to, it runs as everyone does."""
    gc.disable()
    sys.setswitchinterval(1)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        try:
            os.nice(-20)
        except OSError:
            pass


def carry(directions):
    by_source = {direction.source: direction for direction in directions}
    sources = list(by_source)
    while True:
        waiting = [due for due in (direction.next_due() for direction in directions) if due is not None]
        timeout = max(0.0, min(waiting) - time.monotonic()) if waiting else None
        readable, _, _ = select.select(sources, [], [], timeout)
        now = time.monotonic()
        for source in readable:
            take_in(by_source[source], now)
        now = time.monotonic()
        for direction in directions:
            direction.release(now)


def take_in(direction, now):
    # Bounded, so that a flood one way does not make the other way late.
    for _ in range(64):
        try:
            direction.accept(os.read(direction.source, LARGEST_PACKET), now)
        except BlockingIOError:
            return


if __name__ == "__main__":
    main()
