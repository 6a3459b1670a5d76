"""Start and cancel what runs by itself: calibration, ramp, rounds, A-B-B-A."""

from loopscope.core.errors import LoopscopeError
from loopscope.ui.host import Host
from loopscope.ui.messages import Severity
from loopscope.ui.navigation_controller import NavigationController
from loopscope.ui.playback_controller import PlaybackController


class ProcedureController:
    """Runs the procedures of the host's source, and tells when one has ended."""

    def __init__(self, host: Host, playback: PlaybackController, navigation: NavigationController) -> None:
        self._host, self._playback, self._navigation = host, playback, navigation
        self._source, self._view = host.source, host.view

    def run(self, name: str, board: str, **args: str) -> None:
        """Start a procedure, and show the board where its progress and its result stand."""
        from loopscope.experiments.registry import of_name

        if self._playback.refuse_in_the_past() or not self._host.top():
            return
        try:
            self._source.run(of_name(name), **args)
        except LoopscopeError as error:
            self._host.say(str(error), name, "error")
            return
        self._view.procedure = self._source.procedure()
        if self._host.top() != board:
            self._navigation.toggle(board)
        self._host.show()

    def verify(self) -> None:
        """Flip the lever that the chosen finding proposes, A-B-B-A, to see whether it is right."""
        items = self._view.findings()
        if self._view.board != "findings" or not items:
            return
        item = items[self._view.finding_place()]
        if item.until_s is not None:
            self._host.say("it has ceased to hold", item.name, "warning", 4)
        else:
            self.run("ab", "effects", verify=item.name)

    def cancel(self) -> None:
        """Cancel what runs."""
        if self._view.procedure is not None and self._view.procedure.running:
            self._source.cancel()

    def look_up(self) -> None:
        """Ask how far the procedure is, and tell when it has ended."""
        before, found = self._view.procedure, self._source.procedure()
        self._view.procedure = found
        if found is None or found.running or before is None or not before.running:
            return
        from loopscope.ui.panes.procedure import outcome

        severity: Severity = "warning" if found.problem else "information"
        self._host.say(outcome(found), found.title, severity, 8)
