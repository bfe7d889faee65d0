"""Faults below HTTP: a proxy that breaks connections, garbles replies or miscounts them, by a plan."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Plan = Callable[[int], str | None]


class BrokenProxy:
    """Stands before a server. The plan names the fault of each completion request, by number; None passes it on."""

    def __init__(self, target: str) -> None:
        self.host, port = target.removeprefix("http://").split(":")
        self.port = int(port)
        self.url = ""
        self.asked = 0
        self.plan: Plan = lambda number: None

    def do(self, plan: Plan) -> None:
        """Follows a plan from the next request on, which has number 0."""
        self.asked, self.plan = 0, plan

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with any number of requests."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        with suppress(ConnectionError):
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        fault = None
        if head.startswith(b"POST"):
            fault = self.plan(self.asked)
            self.asked += 1
        if fault == "closed":
            return False
        if fault == "reset":
            return _reset(writer)
        if fault == "garbage":
            writer.write(bytes(range(1, 256)) * 4)
            await writer.drain()
            return False
        whole = await self._pass_on(head, body)
        top, _, text = whole.partition(b"\r\n\r\n")
        writer.write(_faulty(fault, top, text))
        await writer.drain()
        if fault == "reset in body":
            return _reset(writer)
        if fault in ("short body", "bad chunk", "endless header"):
            return False
        if fault in ("repeated", "repeated late"):
            await asyncio.sleep(0.02 if "late" in fault else 0)
            writer.write(whole)
            await writer.drain()
        return True

    async def _pass_on(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(head + body)
        await writer.drain()
        top = await reader.readuntil(b"\r\n\r\n")
        whole = top + await reader.readexactly(_length(top))
        writer.close()
        return whole


def _faulty(fault: str | None, top: bytes, text: bytes) -> bytes:
    half = text[: len(text) // 2]
    if fault in ("reset in body", "short body"):
        return top + b"\r\n\r\n" + half
    if fault == "length too small":
        return _with_length(top, len(half)) + b"\r\n\r\n" + text
    if fault == "bad chunk":
        return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n" + text[:5] + b"\r\nzz\r\n"
    if fault == "endless header":
        return b"HTTP/1.1 200 OK\r\nx-junk: " + b"a" * 200_000
    return top + b"\r\n\r\n" + text


def _with_length(top: bytes, length: int) -> bytes:
    lines = [line for line in top.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"content-length: %d" % length])


def _length(head: bytes) -> int:
    found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(found[0].split(b":")[1]) if found else 0


def _reset(writer: asyncio.StreamWriter) -> bool:
    # Linger of no time: the kernel sends a reset instead of an end.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


@contextmanager
def broken_proxy(target: str) -> Iterator[BrokenProxy]:
    """A running proxy before the server at an address."""
    made = BrokenProxy(target)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(made.serve, "127.0.0.1", 0, limit=2**26), loop).result()
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop() -> None:
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
        loop.close()
