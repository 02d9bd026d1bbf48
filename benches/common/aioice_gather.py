"""Gathers relay candidates over many TURN URLs at once with aioice and prints the milliseconds it took."""

import asyncio
import re
import sys
import time

import aioice.ice
import aioice.turn


async def allocate(url, username, password):
    scheme, host, port, transport = re.fullmatch(r"(turns?):([^:]+):(\d+)\?transport=(udp|tcp)", url).groups()
    # Only what is measured: one allocation, as its agent makes it for a component.
    channel, protocol = await aioice.turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(host, int(port)),
        username=username,
        password=password,
        ssl=scheme == "turns",
        transport=transport,
    )
    return channel


async def main(urls, username, password):
    began = time.monotonic()
    channels = await asyncio.gather(*(allocate(url, username, password) for url in urls))
    print((time.monotonic() - began) * 1000)
    for channel in channels:
        channel.close()
    await asyncio.sleep(0.3)


asyncio.run(main(open(sys.argv[1]).read().split(), sys.argv[2], sys.argv[3]))
