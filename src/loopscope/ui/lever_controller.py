"""Pull levers: by their keys, one agent up or down, by a typed value; mark a moment."""

from loopscope.core.errors import LoopscopeError, RefusedError
from loopscope.settings.levers import LEVERS
from loopscope.ui.host import Host
from loopscope.ui.playback_controller import PlaybackController
from loopscope.ui.pulls import Pulls


class LeverController:
    """Pulls the levers of the host's source."""

    def __init__(self, host: Host, playback: PlaybackController) -> None:
        self._host, self._playback = host, playback
        self._source, self._view = host.source, host.view
        self.pulls = Pulls()
        self._marks = 0

    def next(self, name: str) -> None:
        """Set a lever to what its key sets next; what cannot be had here is left out, and why is said."""
        snapshot = self._view.snapshot
        value, refused = self.pulls.next(snapshot, name), dict[str, str]()
        while value not in refused and not (refused and value == self.pulls.value(snapshot, name)):
            try:
                self._pull(name, value)
            except RefusedError as error:
                refused[value] = str(error)
                value = self.pulls.next(snapshot, name, value)
            except LoopscopeError as error:
                self._host.say(str(error), name, "error")
                return
            else:
                break
        for one, words in refused.items():
            self._host.say(f"{one} is left out: {words}", name, "warning")

    def step_agents(self, step: int) -> None:
        """Set one agent more or fewer."""
        self.pull("agents", self.pulls.step(self._view.snapshot, step))

    def pull(self, name: str, value: str) -> None:
        """Pull a lever and say so; an error becomes a message."""
        try:
            self._pull(name, value)
        except LoopscopeError as error:
            self._host.say(str(error), name, "error")

    def _pull(self, name: str, value: str) -> None:
        """Pull a lever, unless what is shown is the past. Raises LoopscopeError."""
        if self._playback.refuse_in_the_past():
            return
        self._source.pull(name, value)
        self.pulls.asked(self._view.snapshot, name, value)

    def ask(self, name: str) -> None:
        """Ask for a lever's value, then pull it."""
        if self._playback.refuse_in_the_past():
            return
        value = self.pulls.value(self._view.snapshot, name)
        self._host.ask_for(
            name,
            LEVERS[name].valid,
            lambda text: self.pulls.typed(name, text),
            lambda typed: self.pull(name, typed),
            value,
        )

    def mark(self) -> None:
        """Put a mark on the time line."""
        if self._playback.refuse_in_the_past():
            return
        self._marks += 1
        self._source.mark(f"mark {self._marks}")
        self._host.say(f"mark {self._marks} at {self._view.snapshot.t_s:.1f} s", seconds=2)
