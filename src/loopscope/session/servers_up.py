"""Start missing Ollama servers on this machine, wait until they answer, warm a model up, stop what was started."""

import contextlib
import json
import os
import queue
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs

from loopscope.core.errors import InputError, LoopscopeError, WorkerError
from loopscope.core.format import seconds
from loopscope.core.text import plain
from loopscope.session.probe import Found, probe, probe_all
from loopscope.session.supervisor import last_line
from loopscope.session.urls import host_port, short
from loopscope.wire.worker import Worker

READY_S = 30.0
"""An ``ollama serve`` answers after 0.1 to 3 s (it looks at the GPUs first)."""
WARM_S = 300.0
"""Loading 40 GB from a slow disk takes minutes."""
POLL_S = 0.1

Say = Callable[[str], None]


def log_folder() -> Path:
    """Where the logs of servers that we started are kept."""
    return platformdirs.user_state_path("loopscope", appauthor=False) / "logs"


class Instance:
    """One ``ollama serve`` that we started."""

    def __init__(self, binary: str, url: str, log: Path, parallel: int | None) -> None:
        self.url = url
        self.log = log
        host, port = host_port(url)
        settings = ["--set", f"OLLAMA_HOST={host}:{port}"]
        if parallel is not None:
            settings += ["--set", f"OLLAMA_NUM_PARALLEL={parallel}"]
        self.ended = threading.Event()
        self._worker = Worker(
            "loopscope.session.supervisor",
            f"ollama-{port}",
            ["--log", str(log), *settings, "--", binary, "serve"],
            on_line=lambda _line: None,
            on_end=self._ended,
        )

    def _ended(self, code: int) -> None:
        hello = self._worker.hello
        if code < 0 and hello is not None and os.name == "posix":
            # The keeper itself was killed and could not do its duty: its program is still there.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(int(hello.info["pid"]), signal.SIGKILL)
        self.ended.set()

    def start(self) -> None:
        """Start it. Raises WorkerError when it cannot be started."""
        self._worker.start()
        self._worker.wait_ready()

    def last_words(self) -> str:
        """Why it ended, as far as it or its log tells."""
        return self._worker.last_words().removeprefix(": ") or last_line(self.log)

    def stop(self) -> None:
        """End it and whatever it started."""
        self._worker.stop()


class Servers:
    """What answers at some URLs, and the instances that we started there; :meth:`close` ends these."""

    def __init__(self, urls: Sequence[str], *, parallel: int | None = None, logs: Path | None = None) -> None:
        self.urls = tuple(urls)
        self.instances: list[Instance] = []
        self._parallel = parallel
        self._logs = logs or log_folder()

    def start_missing(self) -> None:
        """Start an Ollama at each URL where nothing listens; returns before they answer, see :meth:`wait_ready`.

        Raises:
            InputError: something that is no Ollama holds one of the ports.
            LoopscopeError: there is no ``ollama`` on this machine, or it cannot be started.
        """
        found = probe_all(self.urls)
        for server in found:
            if server.listening and not (server.reachable and server.api == "ollama"):
                held_by = server.reason or server.title
                raise InputError(
                    f"{short(server.url)} is taken by something that is no Ollama ({held_by}): see --ports"
                )
        missing = [server for server in found if not server.listening]
        if not missing:
            return
        binary = shutil.which("ollama")
        if binary is None:
            raise LoopscopeError(
                f"nothing answers on {' and '.join(short(server.url) for server in missing)}, and there is no 'ollama'"
                " on PATH to start: install it (ollama.com), or run loopscope without it on the embedded pair"
            )
        for server in missing:
            log = self._logs / f"ollama-{host_port(server.url)[1]}.log"
            instance = Instance(binary, server.url, log, self._parallel)
            self.instances.append(instance)
            try:
                instance.start()
            except WorkerError as error:
                raise LoopscopeError(f"no Ollama on {short(server.url)}: {error}") from error

    def wait_ready(
        self, deadline_s: float = READY_S, say: Say = lambda _text: None, stop: threading.Event | None = None
    ) -> bool:
        """Wait until every instance that we started answers; ``say`` is told once a second for whom we wait.

        Gives False when ``stop`` was set meanwhile.

        Raises:
            LoopscopeError: one ended, or did not answer in time; names its log.
        """
        begin_s = said_s = time.monotonic()
        waiting = list(self.instances)
        while waiting:
            if stop is not None and stop.is_set():
                return False
            for instance in waiting:
                self._check(instance)
            waiting = [instance for instance in waiting if not probe(instance.url).reachable]
            now_s = time.monotonic()
            if waiting and now_s - begin_s > deadline_s:
                late = waiting[0]
                raise LoopscopeError(
                    f"the Ollama started on {short(late.url)} did not answer within {deadline_s:g} s;"
                    f" its log: {late.log}"
                )
            if waiting and now_s - said_s >= 1.0:
                said_s = now_s
                say(f"waiting for {', '.join(short(one.url) for one in waiting)} ({seconds(now_s - begin_s)})")
            if waiting:
                time.sleep(POLL_S)
        return True

    def check(self) -> None:
        """Raise LoopscopeError when an instance that we started has ended by itself."""
        for instance in self.instances:
            self._check(instance)

    def look(self) -> list[Found]:
        """Ask every URL again."""
        return probe_all(self.urls)

    def close(self) -> None:
        """Stop what we started, all at the same time."""
        threads = [threading.Thread(target=instance.stop, daemon=True) for instance in self.instances]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.instances.clear()

    @staticmethod
    def _check(instance: Instance) -> None:
        if instance.ended.is_set():
            raise LoopscopeError(
                f"the Ollama started on {short(instance.url)} has ended: {instance.last_words()};"
                f" its log: {instance.log}"
            )


def warm_up(
    urls: Sequence[str],
    model: str,
    keep_alive: str,
    stop: threading.Event,
    say: Say = lambda _text: None,
    timeout_s: float = WARM_S,
) -> bool:
    """Load a model into each server's memory, at the same time, and keep it there; no token is generated.

    ``say`` is told who has it. Gives False when ``stop`` was set meanwhile; the servers go on loading then.

    Raises:
        LoopscopeError: a server refused, or broke off; says why.
    """
    results: queue.SimpleQueue[str | LoopscopeError] = queue.SimpleQueue()

    def load(url: str) -> None:
        begin_s = time.monotonic()
        try:
            _load(url, model, keep_alive, timeout_s)
            results.put(f"{model} is loaded on {short(url)} ({seconds(time.monotonic() - begin_s)})")
        except LoopscopeError as error:
            results.put(error)

    for url in urls:
        threading.Thread(target=load, args=(url,), name="warm-up", daemon=True).start()
    left = len(urls)
    while left and not stop.is_set():
        try:
            result = results.get(timeout=POLL_S)
        except queue.Empty:
            continue
        if isinstance(result, LoopscopeError):
            raise result
        say(result)
        left -= 1
    return not left


def _load(url: str, model: str, keep_alive: str, timeout_s: float) -> None:
    import httpx

    body = {"model": model, "prompt": "", "keep_alive": keep_alive, "stream": False}
    try:
        with httpx.Client(trust_env=False, verify=url.startswith("https:"), timeout=timeout_s) as client:
            answer = client.post(f"{url}/api/generate", json=body)
    except httpx.TimeoutException as error:
        raise LoopscopeError(f"{short(url)} did not load {model} within {timeout_s:g} s") from error
    except httpx.HTTPError as error:
        raise LoopscopeError(f"{short(url)} broke off while loading {model}: {plain(str(error))}") from error
    if answer.status_code != 200:
        raise LoopscopeError(f"{short(url)} cannot load {model}: {_error_of(answer.content)} ({answer.status_code})")


def _error_of(body: bytes) -> str:
    try:
        words = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        words = None
    return plain(words) if isinstance(words, str) and words else "it does not say why"


def running_as_another_user() -> str:
    """Hint for two servers without a common model: which folder of models a new instance uses."""
    folder = os.environ.get("OLLAMA_MODELS") or "~/.ollama/models"
    return (
        f"a server started here keeps its models in {plain(folder)}; a system service has its own folder"
        " (set OLLAMA_MODELS to share one, or pull the model there: OLLAMA_HOST=127.0.0.1:11435 ollama pull MODEL)"
    )
