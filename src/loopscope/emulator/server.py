"""The server: listens, accepts, finds the route, keeps models, card and ledger, and ends in order."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import socket
import sys
from collections.abc import Callable
from selectors import EVENT_READ
from time import perf_counter_ns

from loopscope.core.errors import InputError
from loopscope.emulator.answers import Answer
from loopscope.emulator.connection import Connection
from loopscope.emulator.faults import Faults
from loopscope.emulator.gpu import RENEW_NS, Gpu
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.job import Job
from loopscope.emulator.models import Model, lookup_key, model_of
from loopscope.emulator.options import Options
from loopscope.emulator.power import Card
from loopscope.emulator.reactor import Reactor
from loopscope.emulator.resources import Resources
from loopscope.emulator.runner import Runner
from loopscope.emulator.truth import Ledger

BACKLOG = 1024
SLOW_REQUEST_NS = 30 * 10**9
"""A request must be whole after this time; a client that trickles one in is dropped (Ollama would wait for ever)."""
_SWEEP_NS = 10**9
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


Route = Callable[["EmulatorServer", Connection, HttpRequest], Answer | None]
"""Answers a request, or returns ``None`` when a job will answer later."""


class EmulatorServer:
    """One emulated server; :meth:`run` serves until :meth:`stop`.

    Raises:
        InputError: the address cannot be listened on.
    """

    def __init__(self, options: Options, route: Route) -> None:
        self.options = options
        self._route = route
        self.card = Card(Gpu(options.gpu, options.share_factor), options.power_idle_w, options.power_busy_w)
        self.reactor = Reactor()
        self.ledger = Ledger(options.log_rows)
        self.resources = Resources(self.reactor, self.ledger, self.card)
        self.models: dict[str, Model] = {lookup_key(name): model_of(name, options.abilities) for name in options.models}
        self.runners: dict[str, Runner] = {}
        self.faults = Faults(self)
        self.started_ns = perf_counter_ns()
        self.numbers = itertools.count(1)
        self.connections: set[Connection] = set()
        self._listener: socket.socket | None = None
        self.port = options.port
        try:
            for text in options.faults:
                self.faults.add_text(text)
            self.listen()
        except InputError:
            self.close()
            raise
        self.reactor.at(self.started_ns + _SWEEP_NS, self._sweep)
        if self.card.gpu.shared:
            self.reactor.at(self.started_ns + RENEW_NS, self._renew)

    @property
    def url(self) -> str:
        """Where clients reach it."""
        host = self.options.host
        if host in ("0.0.0.0", "::"):  # noqa: S104 - a name to show, nothing is bound here
            host = "127.0.0.1"
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    # -- listening

    def listen(self) -> None:
        """Open the port; port 0 takes a free one, and keeps it after a restart."""
        host = self.options.host
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, proto)
            try:
                if sys.platform == "win32":
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
                else:
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen(BACKLOG)
            except OSError:
                listener.close()
                raise
        except (OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise InputError(
                    f"port {self.port} on {host} is taken: choose another with --port, or 0 for any free one"
                ) from error
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise InputError(f"cannot listen on {host} port {self.port}: {reason}") from error
        listener.setblocking(False)
        self._listener = listener
        self.port = listener.getsockname()[1]
        self.reactor.watch(listener, EVENT_READ, self._accept)

    def reopen(self) -> None:
        """Listen again, on the same port, if the port is closed.

        Raises:
            InputError: somebody else has taken it.
        """
        if self._listener is None:
            self.listen()

    def close_listener(self) -> None:
        """Refuse connections from now on."""
        if self._listener is not None:
            self.reactor.watch(self._listener, 0, self._accept, EVENT_READ)
            self._listener.close()
            self._listener = None

    def _accept(self, _mask: int) -> None:
        for _ in range(64):
            if self._listener is None:
                return
            try:
                sock, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NO_DESCRIPTORS and self._listener is not None:
                    # No room for more: those who wait stay in the backlog; look again in a tenth of a second.
                    self.reactor.watch(self._listener, 0, self._accept, EVENT_READ)
                    self.reactor.at(perf_counter_ns() + 10**8, self._accept_again)
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.options.send_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.options.send_buffer)
            self.connections.add(Connection(self.resources, sock, self.handle, self.connections.discard))
            self.ledger.connections += 1

    def _accept_again(self, _due: int) -> int:
        if self._listener is not None:
            self.reactor.watch(self._listener, EVENT_READ, self._accept)
        return 0

    # -- serving

    def handle(self, connection: Connection, request: HttpRequest) -> None:
        """Answer a request: at once, or later through a job."""
        answer = self._route(self, connection, request)
        if isinstance(answer, Answer):
            connection.answer(answer)

    def runner(self, model: Model) -> Runner:
        """Return the runner of a model."""
        runner = self.runners.get(model.full_name)
        if runner is None:
            runner = self.runners[model.full_name] = Runner(self.resources, self.options, model)
        return runner

    def set_rate(self, tok_s: float) -> None:
        """Set the pace (tokens/s of one stream alone) of every stream to come, and of those under way.

        A stream without a pace (``--rate 0``) keeps none, and a recording keeps its own.
        """
        self.options = options = dataclasses.replace(self.options, rate=tok_s)
        for connection in self.connections:
            job = connection.job
            if isinstance(job, Job) and not job.flat and options.timing.kind != "recorded":
                job.set_pace(tok_s, options.timing.gap(tok_s, f"{options.seed}/{job.number}"))

    def restart(self) -> None:
        """Cut every connection and forget the models."""
        self.drop_all()
        for runner in self.runners.values():
            runner.unload()

    def drop_all(self) -> None:
        """Cut every connection."""
        for connection in list(self.connections):
            connection.lost()

    def _sweep(self, due: int) -> int:
        now = perf_counter_ns()
        for connection in list(self.connections):
            if connection.busy_since_ns and now - connection.busy_since_ns > SLOW_REQUEST_NS:
                connection.lost()
        return max(due + _SWEEP_NS, now)

    def _renew(self, due: int) -> int:
        self.card.tick(perf_counter_ns())
        return max(due + RENEW_NS, perf_counter_ns())

    def run(self) -> None:
        """Serve until :meth:`stop`, then close everything."""
        try:
            self.reactor.run()
        finally:
            self.close()

    def stop(self) -> None:
        """End soon; safe from other threads and signal handlers."""
        self.reactor.stop()

    def close(self) -> None:
        """Close every socket and give the card back."""
        self.close_listener()
        self.drop_all()
        self.card.gpu.close()
        self.reactor.close()
