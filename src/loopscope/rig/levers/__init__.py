"""The levers as the running agents read them: plain members, changed between two callbacks.

What a value does here stands in the module of the lever's name.
"""

import json
from collections.abc import Callable
from time import perf_counter_ns

from loopscope.core.registry import Registry
from loopscope.rig.clients.base import ReadGate
from loopscope.settings.levers.batch import Batch
from loopscope.streams.dialect import Loads


class Levers:
    """Values in force."""

    def __init__(self, park: Callable[[int], None] | None = None) -> None:
        self.gate = ReadGate(park)
        self.loads: Loads = json.loads
        self._batch = Batch()
        self._throttle_hz = 0.0
        self.calm = True
        """Neither throttle nor decode batching is on: one look for the hot path instead of two."""
        self.shared: TokenBucket | None = None
        """The bucket of all agents of this rig together, instead of each one's own."""
        self.agents = 1
        """How many there are."""

    @property
    def throttle_hz(self) -> float:
        """Chunks per second an agent, or of all together while there is a shared bucket; 0 for no throttle."""
        return self._throttle_hz

    @throttle_hz.setter
    def throttle_hz(self, rate_hz: float) -> None:
        self._throttle_hz = rate_hz
        self._look()

    @property
    def turn(self) -> float:
        """How many chunks a read may bring under the throttle: one from each agent is worth a tenth of a second."""
        return max(1.0, self._throttle_hz * 0.1 / (max(self.agents, 1) if self.shared is not None else 1))

    def throttled(self) -> bool:
        """Whether there is a throttle."""
        return bool(self._throttle_hz)

    @property
    def batch(self) -> Batch:
        """Decode batching."""
        return self._batch

    @batch.setter
    def batch(self, batch: Batch) -> None:
        self._batch = batch
        self._look()

    def _look(self) -> None:
        self.calm = not self._throttle_hz and self._batch.kind == "off"

    def set(self, name: str, value: str) -> None:
        """Change one lever. ``read`` and ``tcp`` hold for connections of a client that is made afterwards; one that has
        no module here is not applied in a rig.

        Raises:
            InputError: the value is none.
        """
        apply = APPLIED.get(name)
        if apply is not None:
            apply(self, value)


APPLIED: Registry[Callable[[Levers, str], None]] = Registry(__name__, "APPLY", name=lambda apply: apply.__name__)
"""What the rig does with a lever, by the lever's name: the function ``APPLY`` of the module of that name."""


class TokenBucket:
    """Paces one agent, or all of a rig: ``wait_s`` takes n tokens and says how long to wait before the next read.

    The bucket may go into debt, so that n chunks which came in one read are paid for together; its size of one tenth
    of a second lets a stream catch up after a stall without a burst. Those that it holds back have their turns in the
    order in which their debts are paid, each of :attr:`Levers.turn` chunks: so they get equal shares.
    """

    __slots__ = ("_last_ns", "_level")

    def __init__(self) -> None:
        self._level = 0.0
        self._last_ns = perf_counter_ns()

    def wait_s(self, count: int, rate_hz: float) -> float:
        """Take ``count`` tokens at ``rate_hz`` tokens/s; give the seconds until the bucket is out of debt."""
        now_ns = perf_counter_ns()
        size = max(1.0, rate_hz * 0.1)
        self._level = min(size, self._level + (now_ns - self._last_ns) * 1e-9 * rate_hz) - count
        self._last_ns = now_ns
        return 0.0 if self._level >= 0 else -self._level / rate_hz
