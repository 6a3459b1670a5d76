"""One real llama.cpp server in a process of its own: a child on a leash, see :mod:`loopscope.wire.child`."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from loopscope.core.clock import now_ns
from loopscope.core.commands import AnyCommand, Quit
from loopscope.core.records import Bye
from loopscope.wire.child import ChildPipe

CONTEXT_PER_SLOT = 4096
"""Tokens that one stream may hold; the largest model's cache is then 64 MiB a slot."""


def _start(model: str, alias: str, port: int, slots: int) -> Any:
    """Start the server's own threads and wait until it listens on 127.0.0.1."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = slots * CONTEXT_PER_SLOT
    # One thread a server, and no busy waiting between tokens: two servers share small machines with what is measured.
    params.cpuparams.n_threads = 1
    params.cpuparams.poll = 0
    params.cpuparams_batch.n_threads = 1
    params.cpuparams_batch.poll = 0
    params.n_gpu_layers = 0
    params.fit_params = False
    params.cache_ram_mib = 0
    params.warmup = False
    params.ui = False
    params.endpoint_metrics = True
    params.endpoint_props = True
    # A slot for each stream, and threads for those that wait and for the questions about the server's health.
    params.n_threads_http = 2 * slots + 8
    return xllamacpp.Server(params)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one server until told to quit or left alone; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m loopscope.realpair.server", description=__doc__)
    parser.add_argument("--proc", default="server", help="name that the records carry")
    parser.add_argument("--model", required=True, help="model file (GGUF)")
    parser.add_argument("--alias", required=True, help="name that the server gives to the model")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--slots", type=int, default=4, help="streams that it serves at the same time")
    args = parser.parse_args(argv)
    pipe = ChildPipe(args.proc)
    try:
        server = _start(args.model, args.alias, args.port, args.slots)
    except RuntimeError as error:
        sys.stderr.write(f"llama.cpp did not start on 127.0.0.1:{args.port}: {error}\n")
        sys.stderr.flush()
        # Its threads may still be up and do not end with the interpreter.
        os._exit(1)

    def end() -> None:
        # llama.cpp's own shutdown waits for streams under way; whoever asks us to end does not want them any more.
        os._exit(0)

    def on_command(command: AnyCommand) -> None:
        if isinstance(command, Quit):
            pipe.send(Bye(t_ns=now_ns(), proc=args.proc))
            end()

    pipe.ready("server", {"url": server.listening_address, "model": args.alias})
    pipe.listen(on_command, end).join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
