"""Run one emulator: as the child of a session, or by hand in a terminal."""

import contextlib
import gc
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from time import perf_counter_ns

from loopscope import __version__
from loopscope.core.clock import now_ns
from loopscope.core.commands import AnyCommand, Quit
from loopscope.core.records import Bye, Record
from loopscope.emulator.faults import FAULTS
from loopscope.emulator.models import model_of
from loopscope.emulator.options import Options
from loopscope.emulator.routes import is_loopback, serve
from loopscope.emulator.server import EmulatorServer
from loopscope.wire.child import ChildPipe

TRUTH_NS = 10**9
_MAX_WAITING_RECORDS = 100


def run_for_session(options: Options, proc: str) -> int:
    """Serve until the session says quit or is gone; hello first, a truth record each second, bye last."""
    pipe = ChildPipe(proc)
    server = serve(options)
    orderly = threading.Event()

    def on_command(command: AnyCommand) -> None:
        if isinstance(command, Quit):
            orderly.set()
            server.stop()

    outbox: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
    # Writing may block when the session is slow, and the schedule of the streams must not notice.
    writer = threading.Thread(target=_write, args=(pipe, outbox), name="records", daemon=True)

    def truth(due: int) -> int:
        if outbox.qsize() < _MAX_WAITING_RECORDS:
            outbox.put(server.ledger.record(proc, server.card.watts(perf_counter_ns())))
        return max(due + TRUTH_NS, perf_counter_ns())

    pipe.ready("emulator", info=_info(server))
    writer.start()
    pipe.listen(on_command, server.stop)
    server.reactor.at(perf_counter_ns() + TRUTH_NS, truth)
    with _signals(server), _quick():
        server.run()
    outbox.put(server.ledger.record(proc, server.card.watts(perf_counter_ns())))
    outbox.put(Bye(t_ns=now_ns(), proc=proc, words="asked to" if orderly.is_set() else "session gone or signal"))
    outbox.put(None)
    writer.join(0.5)
    return 0


def _write(pipe: ChildPipe, outbox: "queue.SimpleQueue[Record | None]") -> None:
    while (record := outbox.get()) is not None:
        pipe.send(record)


def _info(server: EmulatorServer) -> dict[str, str]:
    options = server.options
    model = model_of(options.models[0])
    rate = options.timing.rate(model.tok_s if options.rate is None else options.rate)
    return {
        "port": str(server.port),
        "url": server.url,
        "model": options.models[0],
        "models": ",".join(options.models),
        "version": options.release.version,
        "rate_tok_s": f"{rate:g}",
        "timing": options.timing.words,
        "parallel": str(options.parallel),
        "power": f"simulated: {options.power_idle_w:g} W idle, {options.power_busy_w:g} W busy",
    }


def run_by_hand(options: Options) -> int:
    """Serve until Ctrl-C or SIGTERM; says what it serves and how to reach it."""
    if options.faults == ("list",):
        width = max(map(len, FAULTS))
        sys.stdout.write("".join(f"{name:<{width}}  {words}\n" for name, words in FAULTS.items()))
        return 0
    server = serve(options)
    if not is_loopback(options.host):
        sys.stderr.write(f"warning: --host {options.host} lets everybody who can reach this machine use the emulator\n")
    with _signals(server), _quick():
        sys.stdout.write(_welcome(server))
        sys.stdout.flush()
        server.run()
    ledger = server.ledger
    sys.stdout.write(f"\nended: {ledger.requests} requests, {ledger.chunks} chunks, {ledger.tokens} tokens\n")
    return 0


def _welcome(server: EmulatorServer) -> str:
    options, url = server.options, server.url
    models = []
    for name in options.models:
        model = model_of(name)
        rate = options.timing.rate(model.tok_s if options.rate is None else options.rate)
        pace = f"{rate:g} tok/s a stream" if rate else "as fast as the socket takes it"
        models.append(
            f"  {name:<16} {pace}{'' if model.known else ' (not in the table of models: middling figures)'}\n"
        )
    slots = "any number of requests at a time" if not options.parallel else f"{options.parallel} at a time, others wait"
    return (
        f"emulating Ollama {options.release.version} on {url} (loopscope {__version__}, no model behind it)\n"
        + "".join(models)
        + f"  {slots}; timing: {options.timing.words}; Ctrl-C ends it\n\n"
        f'  curl -N {url}/api/generate -d \'{{"model":"{options.models[0]}","prompt":"hello"}}\'\n'
        f"  OLLAMA_HOST={url.removeprefix('http://')} ollama run {options.models[0]}\n"
        f"  loopscope {url}\n"
        f"  curl {url}/emulator/stats     what it did, to hold a client's figures against\n"
    )


@contextlib.contextmanager
def _signals(server: EmulatorServer) -> Iterator[None]:
    """SIGINT and SIGTERM end the loop, wherever it is, instead of raising in the middle of a chunk."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: server.stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _quick() -> Iterator[None]:
    """Keep the collector from walking what start-up made; 1 000 sockets need more than the usual soft limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
