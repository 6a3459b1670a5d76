"""What a lever is. Each is one module of this package, which declares its object as ``LEVER``."""

from collections.abc import Iterable, Mapping

from loopscope.core.errors import InputError


class Lever:
    """One lever: how it is called, what it may be set to, what it does. Subclasses say what differs from this.

    A value travels as one canonical string (``off``, ``60``, ``decode:50ms``, ``orjson``).
    """

    name = ""
    place = 100
    """Where it stands among the others: on screens, in tables, in ``--help``."""
    key = ""
    """What pulls it on the screen; empty: nothing does."""
    ask_key = ""
    """What opens a box to type a value into, by Textual's name of the key; empty: nothing does."""
    ask_help = ""
    default = ""
    help = ""
    at_once = False
    """It acts on the running streams; else a new rig process takes over."""
    rank = 3
    """How soon its key leaves a footer that is too narrow: 1 last, 8 first."""
    is_load = False
    """It changes the load, not how that is carried: figures before and after are not of the same work."""
    ceiling_place = 0
    """Where it stands among the levers that a ceiling is told with; 0: a ceiling does not depend on it."""
    speaks_alone = False
    """Its value says what it is ("httpx on asyncio, orjson"): told without the lever's name, and whatever it is."""
    founding = False
    """It was there with the first calibrations: each has its value in its name, a later lever's only where moved."""

    @property
    def presets(self) -> tuple[str, ...]:
        """What its key cycles through."""
        return ()

    @property
    def valid(self) -> str:
        """For people: every value that it takes."""
        return ", ".join(self.presets)

    @property
    def sign(self) -> str:
        """What marks a pull on the time line: one cell."""
        return self.key

    def here(self) -> tuple[str, ...]:
        """Return those of its presets that can be had on this machine."""
        return self.presets

    def parse(self, text: str) -> str:
        """Return the canonical string of a value. Raises InputError: names the valid ones."""
        word = text.strip().lower()
        if word not in self.here():
            raise InputError(f"{self.name}={text!r} is not known; valid: {', '.join(self.here())}")
        return word

    def no_effect(self, levers: Mapping[str, str]) -> str:
        """Say that it does nothing beside the others, and why; empty when it acts."""
        return ""

    def refused(self, levers: Mapping[str, str], apis: Iterable[str], urls: Iterable[str]) -> str:
        """Say why its value cannot be had with these levers, dialects and servers; empty when it can."""
        return ""
