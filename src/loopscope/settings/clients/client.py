"""What is known of a client without importing it. Each is one module of this package, declared as ``CLIENT``."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from loopscope.settings.dialects import own_client


@cache
def _installed(module: str) -> bool:
    return find_spec(module) is not None


@dataclass(frozen=True, slots=True)
class ClientKind:
    """One client: what it needs, and what it cannot do."""

    name: str
    place: int
    """Where it stands among the others."""
    module: str
    """The module that it needs."""
    package: str = ""
    """The distribution whose version says what it costs; empty: it comes with Python."""
    extra: str = "clients"
    """The extra of loopscope that brings it."""
    speaks: str = ""
    """In words, what it speaks where that is not every dialect: "Ollama's own dialects only"."""
    decodes: bool = False
    """It makes objects of the bytes by itself: neither decoder nor decode batching is ours then, and it speaks only the
    dialects that have a reader of its objects."""
    asks_bytes: int = 0
    """What it asks for in each read; 0: its transport reads by itself, as much as the loop likes."""

    code: str = ""
    """The module that declares its class as ``CLIENT``; empty: ``loopscope.rig.clients.NAME_client``."""

    @property
    def here(self) -> bool:
        """Whether it is installed."""
        return _installed(self.module)

    @property
    def absent(self) -> str:
        """One sentence: it is not installed, and how to get it."""
        return f"client={self.name} is not installed here; python3 -m pip install 'loopscope[{self.extra}]' brings it"

    def does_not_speak(self, apis: Iterable[str]) -> str:
        """Say in one sentence that it does not speak one of these dialects; empty when it speaks all of them."""
        wrong = sorted({api for api in apis if self.decodes and not own_client(api)})
        return f"client={self.name} speaks {self.speaks}, not {', '.join(wrong)}; take another client" if wrong else ""
