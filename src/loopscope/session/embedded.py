"""The embedded pair: two emulator processes that stand in for two Ollama servers and share one simulated GPU."""

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from loopscope.core.records import Server
from loopscope.wire.worker import Worker

MODEL = "gemma3"


class EmbeddedPair:
    """Starts, knows and ends the two processes."""

    def __init__(
        self,
        *,
        model: str,
        rate: float,
        api: str,
        on_line: Callable[[bytes], None],
        on_end: Callable[[str, int], None],
        more: Sequence[str] = (),
        each: Sequence[Sequence[str]] = (),
        host: str = "",
        count: int = 2,
    ) -> None:
        self._host = host
        self._folder = tempfile.TemporaryDirectory(prefix="loopscope-", ignore_cleanup_errors=True)
        self._api = api or "ollama"
        self._model = model or MODEL
        args = ["--port", "0", "--model", self._model, "--parallel", "0", "--gpu", str(Path(self._folder.name) / "gpu")]
        args += ["--overhead-ms", "0", "--setup-ms", "0"]  # demonstrations plant their own times
        args += more  # argparse takes the last word: these win over ours
        if rate:
            args += ["--rate", f"{rate:g}"]
        self.workers = [
            Worker(
                "loopscope.emulator",
                proc,
                [*args, *(each[n] if n < len(each) else ())],
                on_line=on_line,
                on_end=partial(on_end, proc),
            )
            for n, proc in enumerate(f"emulator-{n + 1}" for n in range(count))
        ]

    def start(self) -> None:
        """Start both; returns at once."""
        for worker in self.workers:
            worker.start()

    def servers(self) -> list[Server]:
        """Wait until both serve. Raises WorkerError."""
        servers = [
            Server(
                url=self._called(worker.wait_ready().info["url"]),
                api=self._api,
                model=self._model,
                embedded=True,
                version="emulated",
                words="embedded emulator",
            )
            for worker in self.workers
        ]
        # All have mapped what they share: without its name it ends with them, a kill -9 included.
        self._remove_folder()
        return servers

    def _remove_folder(self) -> None:
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    def _called(self, url: str) -> str:
        return url.replace("127.0.0.1", self._host) if self._host else url

    def stop(self) -> None:
        """End both and remove what they shared."""
        for worker in self.workers:
            worker.stop()
        self._remove_folder()
