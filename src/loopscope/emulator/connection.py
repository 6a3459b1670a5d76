"""One client connection: bytes in to requests, answers out, and what has to wait because the client does not read."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE
from time import perf_counter_ns
from typing import Protocol

from loopscope.emulator.answers import PLAIN, Answer
from loopscope.emulator.http1 import MAX_HEAD_BYTES, HttpError, HttpRequest, RequestReader, head
from loopscope.emulator.resources import Resources

_READ_BYTES = 1 << 16
_UNCHUNKED_BYTES = 2048
"""Go tells the length of an answer that fits its buffer; a longer one is one chunk."""
LINGER_NS = 500_000_000
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Leaver(Protocol):
    """A job, as far as its connection knows it."""

    @property
    def sent_chunks(self) -> int:
        """Chunks that have been sent whole."""

    def leave(self, how: str) -> None:
        """Free what the job holds; ``how`` says why it ended."""


class Connection:
    """Handles one request after another; what the client sends while one is answered is kept (64 KiB at most)."""

    __slots__ = (
        "_answered_chunks",
        "_ending",
        "_forget",
        "_handle",
        "_linger",
        "_mask",
        "_out",
        "_reader",
        "_resume",
        "accepted_ns",
        "busy_since_ns",
        "closed",
        "job",
        "parsed_ns",
        "request",
        "resources",
        "sock",
    )

    def __init__(
        self,
        resources: Resources,
        sock: socket.socket,
        handle: Callable[[Connection, HttpRequest], None],
        forget: Callable[[Connection], None],
    ) -> None:
        self.resources = resources
        self._handle = handle
        self._forget = forget
        self.sock = sock
        self.request: HttpRequest | None = None
        """The one that is being answered."""
        self.job: Leaver | None = None
        self.closed = False
        self.accepted_ns = perf_counter_ns()
        self.parsed_ns = 0
        """When the whole request at hand had been parsed."""
        self._answered_chunks = 0
        """Chunks of the last answer, in case that its client resets the connection instead of reading them."""
        self.busy_since_ns = 0
        """Since when a request is on its way in and not whole yet; 0 while none is."""
        self._reader = RequestReader()
        self._out = bytearray()
        self._resume: Callable[[], None] | None = None
        self._ending = False
        self._linger = False
        self._mask = resources.reactor.watch(sock, EVENT_READ, self._ready)

    @property
    def chunked(self) -> bool:
        """Whether a stream has HTTP chunks (it has, but for HTTP/1.0)."""
        return self.request is None or self.request.version == 1

    def head(
        self, status: int, content_type: str, length: int | None, headers: tuple[tuple[str, str], ...] = ()
    ) -> bytes:
        """Return the head of the answer to the request at hand."""
        request = self.request
        version, keep = (request.version, request.keep) if request is not None else (1, False)
        if request is not None and length is None and not version:
            keep = request.keep = False  # without chunks only the end of the connection says where the body ends
        if request is not None and request.reply_headers:
            headers = request.reply_headers + headers
        return head(status, content_type, length, version=version, keep=keep, headers=headers)

    # -- in

    def _ready(self, mask: int) -> None:
        if mask & EVENT_WRITE:
            self._flush()
        if mask & EVENT_READ and not self.closed:
            self._receive()

    def _receive(self) -> None:
        try:
            data = self.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.resources.ledger.abandoned_chunks += self._answered_chunks
            data = b""
        if not data:
            self.lost()
            return
        self._answered_chunks = 0
        if self._ending:
            return  # whatever still comes belongs to a request that was refused
        self._reader.buffer += data
        if self.request is not None:
            if len(self._reader.buffer) > MAX_HEAD_BYTES:
                self._watch(read=False)
        else:
            self._requests()

    def _requests(self) -> None:
        """Take the next request, if it is whole."""
        reader = self._reader
        while self.request is None and not self.closed and not self._ending:
            try:
                request = reader.next()
            except HttpError as error:
                self._refuse(error)
                return
            if request is None:
                if not reader.busy:
                    self.busy_since_ns = 0
                elif not self.busy_since_ns:
                    self.busy_since_ns = perf_counter_ns()
                if reader.wants_continue:
                    reader.wants_continue = False
                    self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self.busy_since_ns = 0
            self.parsed_ns = perf_counter_ns()
            self.request = request
            self._handle(self, request)

    def _refuse(self, error: HttpError) -> None:
        """Answer what is no HTTP, and close."""
        self.request = None
        self._linger = True
        self.answer(Answer(error.status, error.words.encode(), PLAIN, close=True))

    # -- out

    def write(self, data: bytes) -> bool:
        """Send, or keep what the socket does not take; true when everything has left."""
        if self.closed:
            return True
        if not self._out:
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.lost()
                return True
            if sent == len(data):
                return True
            data = data[sent:]
        self._out += data
        self._watch(write=True)
        return False

    def hold(self, rest: bytes, resume: Callable[[], None]) -> None:
        """Keep the rest of a message that the socket did not take; ``resume`` is called once it has left."""
        self._resume = resume
        self._out += rest
        self._watch(write=True)

    def _flush(self) -> None:
        try:
            sent = self.sock.send(self._out)
        except BlockingIOError:
            return
        except OSError:
            self.lost()
            return
        del self._out[:sent]
        if self._out:
            return
        self._watch(write=False)
        resume, self._resume = self._resume, None
        if resume is not None:
            resume()
        elif self._ending:
            self._shut()

    def _watch(self, *, read: bool | None = None, write: bool | None = None) -> None:
        if self.closed:
            return
        mask = self._mask
        if read is not None:
            mask = mask | EVENT_READ if read else mask & ~EVENT_READ
        if write is not None:
            mask = mask | EVENT_WRITE if write else mask & ~EVENT_WRITE
        self._mask = self.resources.reactor.watch(self.sock, mask, self._ready, self._mask)

    # -- whole answers and ends

    def answer(self, answer: Answer) -> None:
        """Return a whole answer to the request at hand (without its body for HEAD)."""
        request = self.request
        if request is not None and answer.close:
            request.keep = False
        body = b"" if request is not None and request.method == "HEAD" else answer.body
        content_type = answer.content_type if answer.body else ""
        if body and (answer.chunked or len(body) > _UNCHUNKED_BYTES):
            data = self.head(answer.status, content_type, None, answer.headers)
            self.write(data + (b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if self.chunked else body))
        else:
            self.write(self.head(answer.status, content_type, len(answer.body), answer.headers) + body)
        self.answered()

    def answered(self) -> None:
        """Finish the request at hand: go on to the next one, or to the end of the connection."""
        if self.job is not None:
            self._answered_chunks = self.job.sent_chunks
        request, self.request, self.job = self.request, None, None
        if request is None or not request.keep:
            self.end()
            return
        self._watch(read=True)
        if self._reader.buffer:
            # Not from within this call: a client that sends a thousand requests at once must not nest them.
            self.resources.reactor.at(perf_counter_ns(), self._next_request)

    def _next_request(self, _due: int) -> int:
        self._requests()
        return 0

    def end(self) -> None:
        """Close once everything has left."""
        self.job = None
        self._ending = True
        if not self._out:
            self._shut()

    def _shut(self) -> None:
        """Close our side; the other one has a moment to close its own.

        Closing outright while bytes of a refused request still arrive would reset the connection, and the client would
        lose the answer that says why.
        """
        if not self._linger:
            self.close()
            return
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self._watch(read=True)
        self.resources.reactor.at(perf_counter_ns() + LINGER_NS, self._close_step)

    def _close_step(self, _due: int) -> int:
        self.close()
        return 0

    def lost(self) -> None:
        """Drop a client that has gone, or must go: free what it held."""
        job, self.job = self.job, None
        self.close()
        if job is not None:
            job.leave("gone")

    def reset(self) -> None:
        """Close with a reset instead of a proper end."""
        if not self.closed:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.lost()

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self._watch(read=False, write=False)
            self.closed = True
            self._resume = None
            self._out.clear()
            self._forget(self)
            self.sock.close()
