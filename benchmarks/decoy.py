#!/usr/bin/env python3
"""Serves the crowd of `crowd.py` as a server of Legato does, without having anything to tell.

    benchmarks/decoy.py CHANGES_PER_SECOND

Prints its port. Each subscriber gets so many changes a second, in a piece ten times a second, as a
server tells them: two subscribers, a pause, the next two. Each reader gets a page of that size. So
`crowd.py --elsewhere` tells what such a crowd costs a client by the machine that they share alone,
and the rest of what it costs is the server's.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

ROUND_SECONDS, STEP_SECONDS, AT_ONCE = 0.1, 0.004, 2
CHANGE_BYTES, PAGE_BYTES = 436, 94_341
"""As measured beside a server: frames of flow runs' changes, and a page of 50 flow runs."""


def frame(payload: bytes) -> bytes:
    """Return a frame of a server."""
    length = len(payload)
    short = length < 126  # else the length stands in two bytes of its own
    head = bytes((0x81, length)) if short else b"\x81\x7e" + length.to_bytes(2, "big")
    return head + payload


CURSOR = frame(b'{"type":"cursor","cursor":"v1.0"}')
CHANGE = frame(b'{"type":"run_change"'.ljust(CHANGE_BYTES))
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % PAGE_BYTES + bytes(PAGE_BYTES)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


async def tell(followers: list[asyncio.StreamWriter], changes: float) -> None:
    """Tell all followers of changes, for ever."""
    piece, loop = CHANGE * round(changes * ROUND_SECONDS), asyncio.get_running_loop()
    while True:
        end = loop.time() + ROUND_SECONDS
        for start in range(0, len(followers), AT_ONCE):
            for follower in followers[start : start + AT_ONCE]:
                follower.write(piece)
            await asyncio.sleep(STEP_SECONDS)
        await asyncio.sleep(max(0.0, end - loop.time()))


async def main() -> None:
    followers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if b"upgrade: websocket" in head:
                    writer.write(SWITCH + CURSOR)
                    followers.append(writer)
                    return
                length = head.partition(b"content-length:")[2].partition(b"\r")[0]
                await reader.readexactly(int(length))
                writer.write(PAGE)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await tell(followers, float(sys.argv[1]))


if __name__ == "__main__":
    uvloop.run(main())
