"""The options of an emulator, defined once for ``loopscope emulate`` and for ``python -m loopscope.emulator``."""

import argparse
import math
from dataclasses import dataclass, field
from pathlib import Path

from loopscope.core.errors import InputError
from loopscope.emulator.models import CAPABILITIES
from loopscope.emulator.release import LATEST, RELEASES, Release
from loopscope.emulator.timing import Timing, parse_timing

TEXTS = ("words", "tricky")
DEFAULT_LOG_ROWS = 1 << 21
"""48 MiB once full: five and a half minutes of 6 400 chunks/s."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one emulator; see :func:`configure` for what each means."""

    host: str = "127.0.0.1"
    port: int = 0
    models: tuple[str, ...] = ("gemma3",)
    rate: float | None = None
    """Tokens/s of one stream alone; ``None``: the model's own; 0: no pace."""
    timing: Timing = field(default_factory=Timing)
    parallel: int = 1
    load_ms: float = 0.0
    overhead_ms: float = 0.0
    """Reported as ``load_duration``; a real server takes 1-4 ms with the model loaded."""
    setup_ms: float = 0.0
    """Between slot and prompt, in no reported duration but the total; a real server takes 3-10 ms."""
    prefill_rate: float | None = None
    prompt_cache: bool = False
    tokens: int = 300
    keep_alive_ns: int = 300 * 10**9
    max_queue: int = 512
    text: str = "words"
    seed: int = 0
    gpu: Path | None = None
    share_factor: float = 1.0
    power_idle_w: float = 20.0
    power_busy_w: float = 150.0
    faults: tuple[str, ...] = ()
    release: Release = RELEASES[LATEST]
    abilities: tuple[str, ...] = ()
    """Capabilities of every model besides its own."""
    log_rows: int = DEFAULT_LOG_ROWS
    send_buffer: int = 0
    """Bytes that the system keeps for a client that does not read; 0: as many as it likes (megabytes)."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add = parser.add_argument_group("what it serves").add_argument
    add("--port", type=int, default=11434, metavar="N", help="port to listen on; 0 takes a free one (default 11434)")
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDR",
        help="address to listen on (default 127.0.0.1; any other is warned of)",
    )
    add("--model", action="append", metavar="NAME", help="a model it has; may be given again (default gemma3)")
    add(
        "--as",
        dest="release",
        choices=sorted(RELEASES, reverse=True),
        default=LATEST,
        help=f"the release of Ollama that it behaves as (default {LATEST})",
    )
    add(
        "--capability",
        action="append",
        default=[],
        choices=CAPABILITIES,
        metavar="NAME",
        help=f"an ability that its models have besides their own: {', '.join(CAPABILITIES)}; may be given again",
    )
    add(
        "--text",
        choices=TEXTS,
        default="words",
        help="words: plain text; tricky: with characters that readers stumble"
        " over, and tokens that are parts of a character (default words)",
    )
    add(
        "--tokens",
        type=int,
        default=300,
        metavar="N",
        help="mean length of an answer whose request sets no limit (default 300)",
    )
    add("--seed", type=int, default=0, metavar="N", help="same seed, same requests: same texts and gaps (default 0)")
    add = parser.add_argument_group("how fast it is").add_argument
    add(
        "--rate",
        type=float,
        metavar="TOK_S",
        help="tokens/s of one stream alone (default: the model's); 0: as fast as the socket takes",
    )
    add(
        "--timing",
        default="constant",
        metavar="MODEL",
        help="when tokens come: constant, lognormal:SIGMA, burst:N,"
        " recorded:TRACE (the arrival times of a trace file, at its own rate) (default constant)",
    )
    add(
        "--parallel",
        type=int,
        default=1,
        metavar="N",
        help="requests a model computes at a time; others wait (default 1, as Ollama; 0: no limit)",
    )
    add(
        "--prefill-rate",
        type=float,
        metavar="TOK_S",
        help="prompt tokens evaluated per second (default: the model's; 0: at once)",
    )
    add("--prompt-cache", action="store_true", help="do not evaluate again what the last prompt began with")
    add("--load-ms", type=float, default=0.0, metavar="MS", help="time to load a model (default 0)")
    add(
        "--overhead-ms",
        type=float,
        default=2.0,
        metavar="MS",
        help="time that each request takes before its slot, reported as load_duration (default 2)",
    )
    add(
        "--setup-ms",
        type=float,
        default=4.0,
        metavar="MS",
        help="time between slot and prompt, which only the total duration holds (default 4)",
    )
    add(
        "--keep-alive",
        type=float,
        default=300.0,
        metavar="S",
        help="seconds after which an idle model is unloaded; below 0: never (default 300)",
    )
    add(
        "--max-queue",
        type=int,
        default=512,
        metavar="N",
        help="requests that may wait while a model loads; more are answered 503 (default 512)",
    )
    add = parser.add_argument_group("the GPU it pretends to have").add_argument
    add("--gpu", type=Path, metavar="FILE", help="servers that are given the same file share one GPU")
    add(
        "--share-factor",
        type=float,
        default=1.0,
        metavar="F",
        help="while another server on that GPU computes, every gap is F times as long (default 1)",
    )
    add("--power-idle", type=float, default=20.0, metavar="W", help="simulated power when idle (default 20)")
    add("--power-busy", type=float, default=150.0, metavar="W", help="simulated power when busy (default 150)")
    add = parser.add_argument_group("what it tells of itself").add_argument
    add(
        "--log-rows",
        type=int,
        default=DEFAULT_LOG_ROWS,
        metavar="N",
        help=f"chunks that its log keeps at most, 24 bytes each (default {DEFAULT_LOG_ROWS:,}); older ones are lost,"
        " and counted",
    )
    add = parser.add_argument_group("how it misbehaves").add_argument
    add(
        "--send-buffer",
        type=int,
        default=0,
        metavar="BYTES",
        help="what the system keeps of a stream that its client does not read; then the server waits (default 0: as"
        " much as the system likes, some MB: minutes of a stream)",
    )
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:ARGS]",
        help="what to do wrong, e.g. stall:after=20,for=3,times=5; --fault list tells them all",
    )


def options_of(args: argparse.Namespace) -> Options:
    """Check what was given.

    Raises:
        InputError: an option that makes no sense, with what would.
    """
    _whole("--port", args.port, 0, 65535)
    _whole("--tokens", args.tokens, 1, 1_000_000)
    _whole("--parallel", args.parallel, 0, 100_000)
    _whole("--max-queue", args.max_queue, 0, 1_000_000)
    _whole("--send-buffer", args.send_buffer, 0, 1 << 30)
    if args.rate is not None:
        _number("--rate", args.rate, 0, 1e6)
    if args.prefill_rate is not None:
        _number("--prefill-rate", args.prefill_rate, 0, 1e9)
    _number("--load-ms", args.load_ms, 0, 3.6e6)
    _number("--overhead-ms", args.overhead_ms, 0, 3.6e6)
    _number("--setup-ms", args.setup_ms, 0, 3.6e6)
    _whole("--log-rows", args.log_rows, 1 << 16, 1 << 26)
    _number("--keep-alive", args.keep_alive, -1e9, 1e9)
    _number("--share-factor", args.share_factor, 0.1, 1000)
    _number("--power-idle", args.power_idle, 0, 1e5)
    _number("--power-busy", args.power_busy, args.power_idle, 1e5)
    for name in args.model or ():
        if not name.strip() or not name.isprintable() or len(name) > 200:
            raise InputError(f"--model {name[:40]!r} is no model name")
    timing = parse_timing(args.timing)
    if args.rate == 0 and timing.kind in ("lognormal", "burst"):
        raise InputError(f"--timing {args.timing} needs a rate: --rate 0 means no pace at all")
    return Options(
        host=args.host,
        port=args.port,
        models=tuple(args.model or ("gemma3",)),
        rate=args.rate,
        timing=timing,
        parallel=args.parallel,
        load_ms=args.load_ms,
        overhead_ms=args.overhead_ms,
        setup_ms=args.setup_ms,
        release=RELEASES[args.release],
        abilities=tuple(args.capability),
        log_rows=args.log_rows,
        prefill_rate=args.prefill_rate,
        prompt_cache=args.prompt_cache,
        tokens=args.tokens,
        keep_alive_ns=round(args.keep_alive * 1e9),
        max_queue=args.max_queue,
        text=args.text,
        seed=args.seed,
        gpu=args.gpu,
        share_factor=args.share_factor,
        power_idle_w=args.power_idle,
        power_busy_w=args.power_busy,
        faults=tuple(args.fault),
        send_buffer=args.send_buffer,
    )


def _whole(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"{name} {value} is out of range: {low} to {high}")


def _number(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} {value:g} is out of range: {low:g} to {high:g}")
