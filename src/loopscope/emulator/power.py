"""The card: whether anything computes on it, what that makes of its speed, and what power it would draw (SIMULATED)."""

from time import perf_counter_ns

from loopscope.emulator.gpu import Gpu


class Card:
    """This server's part of the GPU and a power model for it.

    Servers on one card share its idle power evenly, and its busy power among those at work, so that the sum over the
    servers is the power of the card: ``idle_w`` when none works, ``busy_w`` when one or more do.
    """

    def __init__(self, gpu: Gpu, idle_w: float, busy_w: float) -> None:
        self.gpu = gpu
        self.idle_w = idle_w
        self.busy_w = busy_w
        self.running = 0
        """Requests in prefill or decoding."""
        self.busy_ns = 0
        """Time at work since the start."""
        self.joules = 0.0
        self._at_ns = perf_counter_ns()
        self._read_at_ns = self._at_ns
        self._read_joules = 0.0

    def enter(self, now: int) -> None:
        """Count a request that begins to compute."""
        self._account(now)
        self.running += 1
        self.gpu.work(at_work=True, now=now)

    def leave(self, now: int) -> None:
        """Count a request that has stopped computing."""
        self._account(now)
        self.running -= 1
        if not self.running:
            self.gpu.work(at_work=False, now=now)

    def tick(self, now: int) -> None:
        """Renew our share of the card and book the power; called ten times a second."""
        self._account(now)
        self.gpu.look(now)

    def _account(self, now: int) -> None:
        """Book the time since the last call at the state that held during it."""
        passed = now - self._at_ns
        if passed <= 0:
            return
        self._at_ns = now
        watts = self.idle_w / (1 + self.gpu.others)
        if self.running:
            self.busy_ns += passed
            watts += (self.busy_w - self.idle_w) / (1 + self.gpu.others_at_work)
        self.joules += watts * passed / 1e9

    def watts(self, now: int) -> float:
        """Average power (W) of this server's part since the last call of this."""
        self._account(now)
        passed = (now - self._read_at_ns) / 1e9
        used = self.joules - self._read_joules
        self._read_at_ns, self._read_joules = now, self.joules
        return round(used / passed, 3) if passed > 0 else self.idle_w
