"""A server that does exactly what a test says, byte by byte, on 127.0.0.1."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator

from kit.processes import PATIENCE_S

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
STAMP = "2026-11-21T02:58:01.123456789Z"


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def line(text: str = "word ", stamp: str = STAMP) -> bytes:
    """One intermediate line of /api/generate."""
    return b'{"model":"m","created_at":"%s","response":"%s","done":false}\n' % (stamp.encode(), text.encode())


def final(tokens: int = 3, stamp: str = STAMP) -> bytes:
    """The final line of /api/generate."""
    return (
        b'{"model":"m","created_at":"%s","response":"","done":true,"done_reason":"length","total_duration":40,'
        b'"load_duration":10,"prompt_eval_count":5,"prompt_eval_duration":7,"eval_count":%d,"eval_duration":20}\n'
        % (stamp.encode(), tokens)
    )


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request with its body; give the body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(part.split(b":")[1]) for part in head.split(b"\r\n") if part.lower().startswith(b"content-length:")), 0
    )
    return await reader.readexactly(length)


def sends(*pieces: bytes, close: bool = False, reset: bool = False, apart_s: float = 0.005) -> Handler:
    """Give a handler that answers each request on a connection with these pieces, one write each, so far apart that
    each is a segment of its own; beside a busy neighbour a client may still read two of them at once."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(apart_s)
            if reset:
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            if close or reset:
                return

    return handle


@contextlib.contextmanager
def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve in a thread of its own; gives the URL."""
    ready = threading.Event()
    state: dict[str, object] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        stop = asyncio.Event()
        state.update(port=server.sockets[0].getsockname()[1], loop=asyncio.get_running_loop(), stop=stop)
        ready.set()
        await stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{state['port']}"
    finally:
        state["loop"].call_soon_threadsafe(state["stop"].set)  # type: ignore[attr-defined]
        thread.join(PATIENCE_S)
