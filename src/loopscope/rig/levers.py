"""The levers as the running agents read them: plain members, changed between two callbacks."""

from collections.abc import Callable
from time import perf_counter_ns

from loopscope.rig.clients.base import ReadGate
from loopscope.rig.decoders import loads_of
from loopscope.settings.levers import Batch, parse_batch
from loopscope.settings.sockets import parse_read, parse_tcp
from loopscope.settings.throttle import parse_throttle
from loopscope.streams.dialect import Loads


class Levers:
    """Values in force."""

    def __init__(self, park: Callable[[int], None] | None = None) -> None:
        self.gate = ReadGate(park)
        self.loads: Loads = loads_of("json")
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
        """Change one lever. ``read`` and ``tcp`` hold for connections of a client that is made afterwards; others than
        these are not applied here.

        Raises:
            InputError: the value is none.
        """
        if name == "decoder":
            self.loads = loads_of(value)
        elif name == "throttle":
            # An adaptive one is the session's doing: it tells the rate, and until then there is none.
            throttle = parse_throttle(value)
            if throttle.kind != "shared":
                self.shared = None
            elif self.shared is None:
                self.shared = TokenBucket()
            self.throttle_hz = throttle.rate_hz
        elif name == "batch":
            batch = parse_batch(value)
            self.gate.every_ns = batch.every_ns if batch.kind == "read" else 0
            self.batch = batch if batch.kind == "decode" else Batch()
        elif name == "read":
            self.gate.read_bytes = parse_read(value)
        elif name == "tcp":
            self.gate.tcp = parse_tcp(value)


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
