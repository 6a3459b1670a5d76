"""Move in time: what the keys of a replay do, and of a session that runs while its past is looked at."""

import math
import re

from loopscope.core.errors import InputError
from loopscope.core.format import clock
from loopscope.session.source import SPEEDS, Playback
from loopscope.ui.host import Host

_BACK_S = 0.7
"""While it plays, the mark that was just reached lies behind us by less than this when its key is pressed again."""
_MOMENT = re.compile(r"(?:(?:([0-9]+):)?([0-9]{1,2}):)?([0-9]+(?:\.[0-9]*)?)")


def moment(text: str) -> float:
    """Read a time: ``83``, ``1:23``, ``1:02:03``, with fractions.

    Raises:
        InputError: it is none of these.
    """
    match = _MOMENT.fullmatch(text.strip().removesuffix("s").strip())
    if match is None or len(text) > 20:
        raise InputError("a time is m:ss, h:mm:ss or seconds, e.g. 1:23 or 83.5")
    hours, minutes, seconds = match.groups()
    return 3600 * float(hours or 0) + 60 * float(minutes or 0) + float(seconds)


class PlaybackController:
    """Goes through the time of the host's source."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._source, self._view = host.source, host.view

    def refuse_in_the_past(self) -> bool:
        """Say that nothing can be changed in what is past; return whether that is so."""
        if self._view.past:
            words = f"this is the past, {clock(self._view.snapshot.t_s)}: press End for now first"
            self._host.say(words, "PAST", "warning", 4)
        return self._view.past

    def look_up(self) -> Playback | None:
        """Ask the source where it stands, and keep it."""
        self._view.playback = self._source.playback()
        return self._view.playback

    def _moved(self) -> None:
        self.look_up()
        self._view.overview = self._source.overview()
        self._host.show()

    def pause(self) -> None:
        """Play and pause what has a past; else freeze the screen."""
        play = self.look_up()
        if play is not None:
            self._source.play(not play.playing)
            self._moved()
        else:
            self._view.paused = not self._view.paused
            self._host.show()

    def seek(self, position_s: float) -> None:
        """Go to a moment, which the source clamps to what there is."""
        if self._view.abilities.playback and math.isfinite(position_s):
            self._source.seek(position_s)
            self._moved()

    def jump(self, seconds: float) -> None:
        """Go on or back by so much; what plays goes on playing."""
        play = self.look_up()
        if play is not None:
            self.seek(max(0.0, play.position_s + seconds))

    def nudge(self, seconds: float) -> None:
        """Pause, and go by a small step."""
        if self._view.abilities.playback:
            self._source.step(seconds)
            self._moved()

    def speed(self, step: int) -> None:
        """Play faster or slower."""
        play = self.look_up()
        if play is not None:
            place = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - play.speed))
            self._source.set_speed(SPEEDS[min(len(SPEEDS) - 1, max(0, place + step))])
            self._moved()

    def again(self) -> None:
        """Begin anew at the end, or stay there."""
        play = self.look_up()
        if play is not None:
            self._source.set_loop(not play.loop)
            self._moved()

    def now(self) -> None:
        """Return to the present; in a replay to the end."""
        if self._view.abilities.playback:
            self._source.now()
            self._moved()

    def go_to(self) -> None:
        """Ask for a time and go there."""
        play = self.look_up()
        if play is not None:
            hint = f"m:ss or seconds, up to {clock(play.length_s)}"
            self._host.ask_for("go to", hint, lambda text: str(moment(text)), lambda value: self.seek(float(value)))

    def to_mark(self, step: int) -> None:
        """Go to the next lever, mark, finding or loss, or to the one before."""
        # Not at the top: they bring numpy, which costs a third of the time to the first paint.
        from loopscope.ui.panes.line import stops
        from loopscope.ui.panes.timeline import letter

        play = self.look_up()
        if play is None:
            return
        self._view.overview = self._source.overview()
        at = play.position_s
        if step > 0:
            found = next((mark for mark in stops(self._view) if mark.t_s > at + 0.05), None)
        else:
            back = at - (_BACK_S * max(1.0, play.speed) if play.playing else 0.05)
            found = next((mark for mark in reversed(stops(self._view)) if mark.t_s < back), None)
        if found is None:
            self._host.say("no mark after this" if step > 0 else "no mark before this", seconds=2)
            return
        self.seek(found.t_s)
        self._host.say(f"{letter(found)} {found.label} at {clock(found.t_s)}", seconds=2)

    def line(self) -> None:
        """Show the time line of the whole run beside what is now, or put it away."""
        self._view.line = not self._view.line
        self._moved()
