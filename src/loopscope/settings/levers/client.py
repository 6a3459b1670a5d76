"""What moves the bytes."""

from collections.abc import Iterable, Mapping

from loopscope.core.errors import InputError
from loopscope.settings.clients import CLIENTS, clients_here
from loopscope.settings.levers.lever import Lever


class _Client(Lever):
    name = "client"
    place = 30
    key = "c"
    default = "httpx"
    ceiling_place = 10
    founding = True
    speaks_alone = True
    help = "what moves the bytes (docs/clients.md): a new rig process takes over, the old one drains"

    @property
    def presets(self) -> tuple[str, ...]:
        return tuple(CLIENTS)

    def here(self) -> tuple[str, ...]:
        return clients_here()

    def parse(self, text: str) -> str:
        word = text.strip().lower()
        if word not in CLIENTS:
            raise InputError(f"client={text!r} is not known; valid: {self.valid}")
        if word not in clients_here():
            raise InputError(CLIENTS[word].absent)
        return word

    def refused(self, levers: Mapping[str, str], apis: Iterable[str], urls: Iterable[str]) -> str:
        return CLIENTS[levers["client"]].does_not_speak(apis)


LEVER = _Client()
