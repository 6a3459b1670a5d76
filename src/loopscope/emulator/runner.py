"""A model in memory: loading and unloading, its slots, and who waits for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter_ns, time_ns

from loopscope.emulator.answers import ApiError
from loopscope.emulator.job import Job
from loopscope.emulator.models import Model
from loopscope.emulator.options import Options
from loopscope.emulator.prompts import same_runner
from loopscope.emulator.resources import Resources

DEFAULT_KEEP_ALIVE_NS = 300 * 10**9
FOREVER_NS = 1 << 63
BUSY = "server busy, please try again.  maximum pending requests exceeded"


class Runner:
    """One model: at most ``parallel`` requests compute (0: no limit), the others wait in order and in silence.

    A request with other runner options than the loaded ones waits until the model is free and makes it load again. Only
    while the model is not ready can too many waiters be refused; once it is loaded any number waits.
    """

    def __init__(self, resources: Resources, options: Options, model: Model) -> None:
        self.resources = resources
        self.options = options
        self.model = model
        self.parallel = options.parallel
        self.load_ns = int(options.load_ms * 1e6)
        self.overhead_ns = int(options.overhead_ms * 1e6)
        self.setup_ns = int(options.setup_ms * 1e6)
        self.prefill_tok_s = model.prefill_tok_s if options.prefill_rate is None else options.prefill_rate
        self.loaded = False
        self.loading = False
        self.runner_options: tuple[object, ...] = ()
        self.active: set[Job] = set()
        self.held: set[Job] = set()
        """Within the overhead that each request has."""
        self.waiting: deque[Job] = deque()
        """Loaded for them, no slot yet."""
        self.pending: deque[Job] = deque()
        """Not loaded for them yet."""
        self.loads: deque[Callable[[], None]] = deque()
        """To be called once the model is loaded, whatever the options."""
        self.expires_ns = 0
        """When the model is unloaded (monotonic); 0 while it is in use, ``FOREVER_NS`` for never."""
        self._waiting_counted = 0
        self._timer_set = False
        self._load_options: tuple[object, ...] = ()
        self._cache: deque[str] = deque(maxlen=max(1, self.parallel))

    def submit(self, job: Job) -> None:
        """Take a request in.

        Raises:
            ApiError: 503, the model is loading and too many wait for it already.
        """
        ready = self.loaded and not self.pending and same_runner(job.runner_options, self.runner_options)
        if not ready and len(self.pending) >= self.options.max_queue:
            raise ApiError(503, BUSY)
        job.release = self.leave
        self.expires_ns = 0
        if self.overhead_ns:
            self.held.add(job)
            self.resources.reactor.at(perf_counter_ns() + self.overhead_ns, lambda due: self._admit(job, due))
            return
        self.pending.append(job)
        self.pump(perf_counter_ns())

    def _admit(self, job: Job, due: int) -> int:
        """Let a request on that has had its overhead, if its client is still there."""
        if job in self.held:
            self.held.remove(job)
            self.pending.append(job)
            self.pump(due)
        return 0

    def load(self, runner_options: tuple[object, ...], done: Callable[[], None]) -> None:
        """Load the model, if it is not, and call ``done``."""
        self.expires_ns = 0
        self._load_options = runner_options
        self.loads.append(done)
        self.pump(perf_counter_ns())

    def pump(self, now: int) -> None:
        """Move everyone on who can move."""
        while self.pending or self.loads:
            if not self.loaded:
                if not self.loading:
                    self.loading = True
                    self.runner_options = self.pending[0].runner_options if self.pending else self._load_options
                    self.resources.reactor.at(now + self.load_ns, self._finish_load)
                break
            while self.loads:
                self.loads.popleft()()
            if not self.pending:
                break
            if not same_runner(self.pending[0].runner_options, self.runner_options):
                if self.active or self.waiting:
                    break
                self.loaded = False
                continue
            job = self.pending.popleft()
            job.load_ns = max(1, perf_counter_ns() - job.began_ns)
            self.waiting.append(job)
        while self.waiting and (not self.parallel or len(self.active) < self.parallel):
            job = self.waiting.popleft()
            self.active.add(job)
            job.start(perf_counter_ns(), self._prompt_ns(job), self.setup_ns)
        self._count_waiting()

    def _prompt_ns(self, job: Job) -> int:
        """Return how long the prompt takes on a card of one's own."""
        tokens = job.prompt_tokens - self._cached(job)
        return int(tokens * 1e9 / self.prefill_tok_s) if self.prefill_tok_s else 0

    def _count_waiting(self) -> None:
        waiting = len(self.pending) + len(self.waiting)
        self.resources.ledger.waiting += waiting - self._waiting_counted
        self._waiting_counted = waiting

    def _finish_load(self, due: int) -> int:
        self.loading = False
        self.loaded = True
        self.pump(due)
        self.rest(None, due)  # everybody who waited for it may have gone
        return 0

    def _cached(self, job: Job) -> int:
        """Tokens of the prompt that a slot still has in its cache; one is always evaluated again."""
        if not self.options.prompt_cache:
            return 0
        best = max((_common(job.prompt, past) for past in self._cache), default=0)
        self._cache.append(job.prompt)
        return min(job.prompt_tokens - 1, job.prompt_tokens * best // max(1, len(job.prompt)))

    def leave(self, job: Job) -> None:
        """Take a request out, wherever it is: it has ended, or its client has gone."""
        now = perf_counter_ns()
        if job in self.active:
            self.active.remove(job)
            self.resources.card.leave(now)
        elif job in self.held:
            self.held.remove(job)
        elif job in self.waiting:
            self.waiting.remove(job)
        elif job in self.pending:
            self.pending.remove(job)
        self.rest(job.keep_alive_ns, now)
        self.pump(now)

    def rest(self, keep_alive_ns: int | None, now: int) -> None:
        """Set when the model is unloaded, if nobody uses it. ``None``: the default, below zero: never, 0: at once."""
        if self.active or self.held or self.waiting or self.pending or self.loads or not self.loaded:
            return
        keep = self.options.keep_alive_ns if keep_alive_ns is None else keep_alive_ns
        if keep < 0:
            self.expires_ns = FOREVER_NS
        elif keep == 0:
            self.unload()
        else:
            self.expires_ns = now + keep
            if not self._timer_set:
                self._timer_set = True
                self.resources.reactor.at(self.expires_ns, self._expire)

    def _expire(self, due: int) -> int:
        if due < self.expires_ns < FOREVER_NS:
            return self.expires_ns  # used since: one timer moves on, instead of one more for every request
        self._timer_set = False
        if self.expires_ns == due:
            self.unload()
        return 0

    def unload(self) -> None:
        """Forget the model; the next request loads it again."""
        self.loaded = False
        self.expires_ns = 0
        self._cache.clear()

    def expires_wall_ns(self) -> int:
        """When the model will be unloaded, on the wall clock (ns since the epoch)."""
        if self.expires_ns == FOREVER_NS:
            return time_ns() + FOREVER_NS
        if self.expires_ns == 0:
            return time_ns() + max(0, self.options.keep_alive_ns)
        return time_ns() + self.expires_ns - perf_counter_ns()


def _common(one: str, other: str) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # by halves: comparing slices is quick, a loop over a long prompt is not
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
