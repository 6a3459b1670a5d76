"""What a key makes of a lever: the value that it sets next, and which pulls have been judged since we last looked."""

from loopscope.model.snapshot import LeverEffect, Snapshot
from loopscope.settings.levers import LEVERS, canonical, next_preset
from loopscope.settings.levers.agents import MAX_AGENTS

_PATIENCE_S = 3.0
"""How long a value that was asked for counts as the value, though no snapshot shows it yet."""


class Pulls:
    """Remembers what was asked for, so that three quick presses of ``+`` add three agents and not one."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, float]] = {}
        self._typed: dict[str, str] = {}
        self._told: set[tuple[str, float]] | None = None

    def value(self, snapshot: Snapshot, name: str) -> str:
        """Give the lever's value, counting what was asked for and has not been shown yet."""
        shown = next((lever.value for lever in snapshot.levers if lever.name == name), LEVERS[name].default)
        asked, t_s = self._asked.get(name, (shown, snapshot.t_s))
        if asked == shown or snapshot.t_s - t_s > _PATIENCE_S:
            self._asked.pop(name, None)
            return shown
        return asked

    def next(self, snapshot: Snapshot, name: str, after: str = "") -> str:
        """Give what the lever's key sets next: its presets in turn, and after them the value that was typed last.

        ``after``: the value after that one, instead of after the lever's own.
        """
        value = after or self.value(snapshot, name)
        typed = self._typed.get(name)
        if typed is not None and typed not in LEVERS[name].presets and value != typed:
            last = LEVERS[name].presets[-1]
            if value == last:
                return typed
        return next_preset(name, value)

    def step(self, snapshot: Snapshot, step: int) -> str:
        """Give the number of agents one up or down."""
        value = self.value(snapshot, "agents")
        return str(min(MAX_AGENTS, max(1, (int(value) if value.isdigit() else 1) + step)))

    def typed(self, name: str, text: str) -> str:
        """Check what was typed and remember it for the key.

        Raises:
            InputError: the lever has no such value; names the valid ones.
        """
        value = canonical(name, text)
        self._typed[name] = value
        return value

    def asked(self, snapshot: Snapshot, name: str, value: str) -> None:
        """Note that a pull was sent."""
        self._asked[name] = (value, snapshot.t_s)

    def judged(self, snapshot: Snapshot) -> list[LeverEffect]:
        """Give the pulls whose effect has become known since the last call; the first call only notes what is known."""
        done = [effect for effect in snapshot.effects if effect.after is not None]
        told = self._told
        self._told = {(effect.name, effect.t_s) for effect in done}
        return [] if told is None else [effect for effect in done if (effect.name, effect.t_s) not in told]
