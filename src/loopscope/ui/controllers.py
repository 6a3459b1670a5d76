"""The controllers of one app, made for each other."""

from typing import Protocol

from loopscope.ui.host import Host
from loopscope.ui.lever_controller import LeverController
from loopscope.ui.navigation_controller import NavigationController
from loopscope.ui.playback_controller import PlaybackController
from loopscope.ui.procedure_controller import ProcedureController


class Controllers:
    """What the operator can do with an app, by subject."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.playback = PlaybackController(host)
        self.levers = LeverController(host, self.playback)
        self.navigation = NavigationController(host, self.playback)
        self.procedures = ProcedureController(host, self.playback, self.navigation)


class Operated(Host, Protocol):
    """An app with its controllers."""

    controllers: Controllers
