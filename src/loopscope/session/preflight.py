"""What speaks against a run before it begins: one model, two servers, one card."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from loopscope.core.records import Server
from loopscope.session.probe import probe_all
from loopscope.session.vram import fits_twice, gpu_memory, size_of

_HERE = {"127.0.0.1", "localhost", "::1"}


def doubt(servers: Sequence[Server]) -> str:
    """Give the sentence when the servers are Ollama's on this machine and its GPUs do not hold the model twice.

    Empty otherwise, also when it cannot be known: no NVIDIA GPU, or no size told. Costs half a second, so it is asked
    only where two servers share this machine.
    """
    here = [server for server in servers if server.api == "ollama" and urlsplit(server.url).hostname in _HERE]
    if len({server.url for server in here}) < 2 or len({server.model for server in here}) != 1:
        return ""
    total_bytes = gpu_memory()
    if total_bytes is None:
        return ""
    size_bytes = size_of(probe_all([server.url for server in here]), here[0].model)
    return fits_twice(size_bytes, total_bytes, here[0].model) if size_bytes else ""
