"""``loopscope servers``: what answers where; ``loopscope servers up``: start the Ollama servers that are missing."""

import argparse
import contextlib
import json
import signal
import sys
import threading
from collections.abc import Sequence

from loopscope.core.errors import InputError
from loopscope.report.servers import as_data, table
from loopscope.session.discover import PAIR_URLS, NoPair, find_pair, with_tag
from loopscope.session.probe import REMOTE_TIMEOUT_S, Found, probe_all
from loopscope.session.servers_up import READY_S, Servers, running_as_another_user, warm_up
from loopscope.session.urls import normalise, short
from loopscope.session.vram import fits_twice, gpu_memory, size_of

NAME = "servers"
HELP = """Show which servers answer here, and start missing Ollama servers.

  loopscope servers              look at the usual addresses of Ollama, llama.cpp, vLLM and LM Studio
  loopscope servers URL ...      look at these
  loopscope servers up           start the Ollama servers that are missing on 127.0.0.1:11434 and :11435, and stop
                                 them again at Ctrl-C; nothing is pulled"""

_USUAL = (*PAIR_URLS, "http://127.0.0.1:8080", "http://127.0.0.1:8000", "http://127.0.0.1:1234")
"""Ollama twice, llama.cpp, vLLM, LM Studio: each server's own default port."""
_CHECK_S = 0.5


def _number(low: int, high: int, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {low} to {high}")
    return int(text)


def _port(text: str) -> int:
    return _number(1, 65535, text)


def _parallel(text: str) -> int:
    return _number(1, 1024, text)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("what", nargs="*", metavar="up | URL", help="start what is missing, or the servers to look at")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON, nothing else")
    group = parser.add_argument_group("servers up")
    group.add_argument(
        "--ports", type=_port, nargs="+", metavar="PORT", help="ports of 127.0.0.1 to serve on (11434 11435)"
    )
    group.add_argument(
        "--model", default="", metavar="NAME", help="load this model into each server's memory (warm-up)"
    )
    group.add_argument(
        "--keep-alive", default="30m", metavar="TIME", help="how long the warm model stays in memory unused (30m)"
    )
    group.add_argument(
        "--parallel", type=_parallel, metavar="N", help="streams that a started server serves at once (Ollama's own: 1)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the verb; gives the exit code."""
    words: list[str] = args.what
    if words[:1] == ["up"]:
        if len(words) > 1:
            raise InputError(f"'up' takes no address ({words[1]!r}): it serves on 127.0.0.1, see --ports")
        if args.json:
            raise InputError("--json is for looking, not for 'up'")
        return _up(args)
    for name in ("ports", "model", "parallel"):
        if getattr(args, name):
            raise InputError(f"--{name} belongs to 'loopscope servers up'")
    return _show([normalise(word) for word in words], as_json=args.json)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _progress(text: str) -> None:
    sys.stderr.write(f"loopscope: {text}\n")


def _show(urls: Sequence[str], *, as_json: bool) -> int:
    found = probe_all(urls, REMOTE_TIMEOUT_S) if urls else probe_all(_USUAL)
    if not urls:
        # An empty port of somebody else's program is no news; the two that loopscope would use are.
        found = [server for server in found if server.reachable or server.url in PAIR_URLS]
    # Asked for by name and not there is a failure; the overview is none.
    code = 0 if not urls or any(server.reachable for server in found) else 1
    if as_json:
        _say(json.dumps(as_data(found), indent=2))
        return code
    _say(table(found))
    if not urls:
        pair = find_pair()
        _say("")
        if isinstance(pair, NoPair):
            _say(f"loopscope without a URL starts its embedded pair: {pair.reason}.")
        else:
            _say(f"loopscope without a URL uses both with {pair[0].model}.")
    for line in _fit_lines(found):
        _say(line)
    return code


def _fit_lines(found: Sequence[Found], only: str = "") -> list[str]:
    """A sentence for each model of two or more Ollama servers that does not fit twice into the GPUs' memory."""
    ollamas = [server for server in found if server.reachable and server.kind == "Ollama"]
    if len(ollamas) < 2:
        return []
    names = [name for name in ollamas[0].names if all(name in server.names for server in ollamas[1:])]
    if only:
        names = [name for name in names if with_tag(name) == with_tag(only)]
    sizes = {name: size for name in names if (size := size_of(ollamas, name)) is not None}
    total = gpu_memory() if sizes else None
    if total is None:
        return []
    return [words for name, size in sizes.items() if (words := fits_twice(size, total, name))]


def _up(args: argparse.Namespace) -> int:
    urls = [f"http://127.0.0.1:{port}" for port in args.ports] if args.ports else list(PAIR_URLS)
    if len(set(urls)) < len(urls):
        raise InputError("--ports: each server needs a port of its own")
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    with contextlib.closing(Servers(urls, parallel=args.parallel)) as servers:
        servers.start_missing()
        for instance in servers.instances:
            _say(f"started Ollama on {short(instance.url)}; its log: {instance.log}")
        if not servers.wait_ready(READY_S, _progress, stop):
            return 0
        found = servers.look()
        _say(table(found))
        _tell_models(found, args.model)
        if args.model:
            _progress(f"loading {args.model}")
            if not warm_up(servers.urls, args.model, args.keep_alive, stop, _say):
                return 0
        if not servers.instances:
            _say("All of them were up already; nothing was started.")
            return 0
        _say("Ctrl-C stops what was started here.")
        while not stop.wait(_CHECK_S):
            servers.check()
    return 0


def _tell_models(found: Sequence[Found], model: str) -> None:
    for server in found:
        if model and with_tag(model) not in map(with_tag, server.names):
            raise InputError(
                f"{short(server.url)} has no model {model!r}; {running_as_another_user()}"
                if server.reachable
                else f"{short(server.url)} does not answer any more: {server.reason}"
            )
    shared = set.intersection(*(set(server.names) for server in found))
    if not shared:
        _say(f"They have no model in common: {running_as_another_user()}.")
    for line in _fit_lines(found, model):
        _say(line)
