"""The official ``ollama`` client, as its users have it: ``async for part in await client.generate(..., stream=True)``.

It gives objects, not bytes: HTTP by httpx, lines by ``aiter_lines``, decoding by json and pydantic, all of it its own.
Bytes, reads and stamps are still taken at the wire: below its httpx lies our network stream.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama
import pydantic
from ollama._client import __version__ as _version

from loopscope.core.api_key import authorization
from loopscope.probe.wires import Wire, Wires
from loopscope.rig.clients.base import CONNECT_S, STALL_S, ReadGate, StreamFailure
from loopscope.rig.clients.httpx_client import HttpxClient, transport, written
from loopscope.rig.response_head import ERROR_BODY_BYTES, inflater_for, redirect, refusal
from loopscope.streams.dialect import server_error
from loopscope.streams.framing import MAX_LINE_BYTES, LineTooLongError
from loopscope.streams.inflate import Inflater

_head: ContextVar["_Head | None"] = ContextVar("_head", default=None)
"""The response that this task's request was given."""

_PATHS = ("/api/generate", "/api/chat")


class _Head:
    """A response when its head had come."""

    __slots__ = ("batch_ns", "reads", "response", "wire")

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.wire: Wire = response.extensions["network_stream"].get_extra_info("loopscope.wire")
        # The read that brought the head is this request's first.
        self.reads, self.batch_ns = self.wire.reads - 1, self.wire.batch_ns


class _Bounded(httpx.AsyncByteStream):
    """A body as the library may have it: its lines are bounded, and that of an error is cut."""

    def __init__(self, inner: Any, inflater: Inflater | None, most_bytes: int) -> None:
        self._inner = inner
        self._inflater = inflater
        self._left = most_bytes
        self._line = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            for part in (piece,) if self._inflater is None else self._inflater.feed(piece):
                end = part.rfind(b"\n")
                self._line = self._line + len(part) if end < 0 else len(part) - end - 1
                self._left -= len(part)
                if self._line > MAX_LINE_BYTES:
                    raise LineTooLongError(f"a line of over {MAX_LINE_BYTES >> 20} MiB")
                yield part
            if self._left <= 0:
                return

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _begun(response: httpx.Response) -> None:
    """Take note of a response that has begun, and put bounds around its body before the library reads it."""
    _head.set(_Head(response))
    status, stream = response.status_code, response.stream
    inflater = inflater_for(status, response.headers.get("content-encoding", ""))
    response.headers.pop("content-encoding", None)
    response.stream = _Bounded(stream, inflater, ERROR_BODY_BYTES if status >= 300 else sys.maxsize)


class OllamaExchange:
    """See :class:`loopscope.rig.clients.base.Exchange`; its body comes as ``messages``."""

    __slots__ = ("_head", "first", "fresh", "messages", "status", "wire")

    def __init__(self, head: _Head, first: Any, messages: Any) -> None:
        self._head = head
        self.status = head.response.status_code
        self.wire = head.wire
        self.fresh = self.wire.requests == 0
        self.wire.requests += 1
        self.first = first
        """The first object (``None``: there was none); the library asks for it together with the response."""
        self.messages: AsyncIterator[Any] = messages

    @property
    def counted(self) -> tuple[int, int, int]:
        """See :class:`loopscope.rig.clients.base.MessageExchange`."""
        head = self._head
        return (self.wire.reads - head.reads, self.wire.batch_ns - head.batch_ns, head.response.num_bytes_downloaded)

    def header(self, name: str) -> str:
        """See :class:`loopscope.rig.clients.base.Exchange`."""
        value: str = self._head.response.headers.get(name, "")
        return value

    async def pieces(self) -> AsyncIterator[bytes]:
        """There are none: a refusal is told by :meth:`OllamaClient.open`, a body comes as messages."""
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:
            yield piece

    async def close(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        await self.messages.aclose()  # type: ignore[attr-defined]


class OllamaClient:
    """See :class:`loopscope.rig.clients.base.Client`."""

    name = "ollama"
    version = _version
    # AttributeError: what it says of a line that is JSON, but no object.
    errors: tuple[type[Exception], ...] = (
        httpx.HTTPError,
        ollama.ResponseError,
        json.JSONDecodeError,
        pydantic.ValidationError,
        AttributeError,
        RecursionError,
    )

    def __init__(self, gate: ReadGate, *, secure: bool) -> None:
        self.wires = Wires(gate.set_up)
        self._transport = transport(HttpxClient.library, gate, self.wires, secure=secure)
        self._clients: dict[str, ollama.AsyncClient] = {}

    async def open(self, url: str, body: bytes, accept: str) -> OllamaExchange:
        """Send what a body says by the library's own functions, and wait for its first object. Raises StreamFailure.

        A kept connection that closes before it has answered anything is replaced once, as in the other clients.
        """
        parts = urlsplit(url)
        if parts.path not in _PATHS:
            raise StreamFailure("refused", "the ollama client speaks Ollama's own dialects, ollama and ollama-chat")
        wanted = json.loads(body)
        written.set(None)
        _head.set(None)
        try:
            return await self._ask(parts.scheme, parts.netloc, wanted)
        except (httpx.RemoteProtocolError, httpx.NetworkError) as error:
            wire = written.get()
            if wire is None or not wire.requests or _head.get() is not None:
                raise self.failure(error) from error
        except self.errors as error:
            raise self.failure(error) from error
        except httpx.InvalidURL as error:
            raise StreamFailure("refused", "no valid URL") from error
        try:
            return await self._ask(parts.scheme, parts.netloc, wanted)
        except self.errors as error:
            raise self.failure(error) from error

    async def _ask(self, scheme: str, netloc: str, wanted: dict[str, Any]) -> OllamaExchange:
        try:
            client = self._client(f"{scheme}://{netloc}")
        except ValueError as error:  # the library reads the host itself
            raise StreamFailure("refused", "no valid URL") from error
        model, options = wanted["model"], wanted["options"]
        try:
            if "messages" in wanted:
                messages: Any = await client.chat(model, messages=wanted["messages"], stream=True, options=options)
            else:
                messages = await client.generate(model, prompt=wanted["prompt"], stream=True, options=options)
        except pydantic.ValidationError as error:
            raise StreamFailure("refused", "the ollama client does not take this request: is a model named?") from error
        first = await anext(messages, None)
        head = _head.get()
        assert head is not None  # noqa: S101 - there is no object without a head
        return OllamaExchange(head, first, messages)

    def _client(self, host: str) -> ollama.AsyncClient:
        """One for each server, as its host is part of it; they share the connections."""
        found = self._clients.get(host)
        if found is None:
            found = self._clients[host] = ollama.AsyncClient(
                host,
                transport=self._transport,
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(STALL_S, connect=CONNECT_S, pool=None),
                headers={"accept-encoding": "identity"},
                event_hooks={"response": [_begun]},
            )
            # The library's own key of the environment is meant for ollama.com, not for whatever server is measured.
            found._client.headers.pop("authorization", None)
            found._client.headers.update(authorization())
        return found

    def failure(self, error: Exception) -> StreamFailure:
        """Translate an error of the library."""
        if isinstance(error, ollama.ResponseError):
            told: object = error.error
            if 300 <= error.status_code < 400:
                head = _head.get()
                return redirect(error.status_code, head.response.headers.get("location", "") if head else "")
            if error.status_code >= 0:
                return refusal(error.status_code, told if isinstance(told, str) else json.dumps({"error": told}))
            return StreamFailure("server", f"the server says: {server_error(told)}")
        if isinstance(error, json.JSONDecodeError):
            return StreamFailure("garbage", f"a line that is not JSON ({len(error.doc)} characters)")
        if isinstance(error, RecursionError):
            return StreamFailure("garbage", "a line that is nested too deep")
        if isinstance(error, pydantic.ValidationError):
            return StreamFailure("garbage", f"a line that is no message: {error.error_count()} members are wrong")
        if isinstance(error, AttributeError):
            if error.name != "get":
                raise error  # not what the library does with such a line
            return StreamFailure("garbage", "a line that is no object")
        return HttpxClient.library.failure(error)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()


CLIENT = OllamaClient
