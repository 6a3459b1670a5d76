"""Start the servers, know their URLs, end them."""

import importlib.util
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs

from loopscope.core.errors import InputError, WorkerError
from loopscope.realpair.weights import SHAPES, write_model
from loopscope.wire.worker import Worker

READY_S = 60.0
"""Loading the largest model from a cold disk takes a few seconds; a loaded machine may need ten times that."""


def check_extra() -> None:
    """See that the packages of the extra are there.

    Raises:
        InputError: with the command that installs them.
    """
    missing = [name for name in ("xllamacpp", "gguf") if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"the real servers need {' and '.join(missing)}: python3 -m pip install 'loopscope[real]'"
            " (in a checkout: python3 -m pip install -e '.[real]')"
        )


def check_ports(ports: Sequence[int]) -> None:
    """See that the ports that were asked for are free (0 always is).

    Raises:
        InputError: one is taken, or was given twice.
    """
    wanted = [port for port in ports if port]
    if len(set(wanted)) < len(wanted):
        raise InputError("each server needs a port of its own: one was given twice")
    for port in wanted:
        with socket.socket() as probe:
            # As a server would: a connection of an earlier one that still lingers is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise InputError(f"port {port} of 127.0.0.1 cannot be used ({error.strerror}): give another") from error


def cache_folder() -> Path:
    """Where model files are kept between runs."""
    return platformdirs.user_cache_path("loopscope") / "models"


class RealPair:
    """Real llama.cpp servers on 127.0.0.1, one process each; use it in a ``with`` statement.

    ``ports``: one for each server, 0 for any free one. ``byte_share`` and ``end_share``: see
    :func:`loopscope.realpair.vocabulary.make_vocabulary`.
    """

    def __init__(
        self,
        size: str = "medium",
        *,
        ports: Sequence[int] = (0, 0),
        slots: int = 4,
        folder: Path | None = None,
        seed: int = 1,
        byte_share: float = 0.05,
        end_share: float = 0.0,
    ) -> None:
        self.shape = SHAPES[size]
        self.model = f"random-{size}"
        self.urls: list[str] = []
        self.ended = threading.Event()
        """Set when a server has ended by itself."""
        self._ports = tuple(ports)
        self._slots = slots
        self._folder = folder or cache_folder()
        self._parameters = (seed, byte_share, end_share)
        self._workers: list[Worker] = []

    def start(self) -> None:
        """Write the model file if it is not there, start the servers, wait until they listen.

        Raises:
            InputError: the extra is missing, a port is taken, or the model file cannot be written.
            WorkerError: a server did not come up; says why.
        """
        check_extra()
        check_ports(self._ports)
        path = write_model(self._folder, self.shape, *self._parameters)
        for number, port in enumerate(self._ports, 1):
            args = ["--model", str(path), "--alias", self.model, "--port", str(port), "--slots", str(self._slots)]
            worker = Worker(
                "loopscope.realpair.server",
                f"server-{number}",
                args,
                on_line=lambda _line: None,
                on_end=lambda _code: self.ended.set(),
            )
            self._workers.append(worker)
            worker.start()
        try:
            hellos = [worker.wait_ready(READY_S) for worker in self._workers]
        except WorkerError:
            self.stop()
            raise
        self.urls = [hello.info["url"] for hello in hellos]

    @property
    def pids(self) -> list[int]:
        """Process id of each server."""
        return [worker.pid for worker in self._workers]

    def last_words(self) -> str:
        """What servers that have ended by themselves last said, as the tail of a sentence."""
        return "".join(worker.last_words() for worker in self._workers if not worker.alive())

    def stop(self) -> None:
        """End every server; streams under way are cut."""
        for worker in self._workers:
            worker.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
