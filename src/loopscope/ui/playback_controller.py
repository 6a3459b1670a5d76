"""Moving in time: what the keys of a replay do, and of a session that runs while its past is looked at."""

import math
import re

from textual.app import App

from loopscope.core.errors import InputError
from loopscope.draw.words import clock
from loopscope.session.source import SPEEDS, Playback, Source
from loopscope.ui.view import View

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


class PlaybackController(App[None]):
    """An app that can go through the time of its source."""

    source: Source
    view: View

    def show(self, tick: int | None = None) -> None:
        """Draw; others know how."""
        raise NotImplementedError

    def refuse_in_the_past(self) -> bool:
        """Say that nothing can be changed in what is past; gives whether that is so."""
        if self.view.past:
            words = f"this is the past, {clock(self.view.snapshot.t_s)}: press End for now first"
            self.notify(words, title="PAST", severity="warning", timeout=4, markup=False)
        return self.view.past

    def look_up_playback(self) -> Playback | None:
        """Ask the source where it stands, and keep it."""
        self.view.playback = self.source.playback()
        return self.view.playback

    def _moved(self) -> None:
        self.look_up_playback()
        self.view.overview = self.source.overview()
        self.show()

    def action_pause(self) -> None:
        """Play and pause what has a past; else freeze the screen."""
        play = self.look_up_playback()
        if play is not None:
            self.source.play(not play.playing)
            self._moved()
        else:
            self.view.paused = not self.view.paused
            self.show()

    def seek(self, position_s: float) -> None:
        """Go to a moment, which the source clamps to what there is."""
        if self.view.abilities.playback and math.isfinite(position_s):
            self.source.seek(position_s)
            self._moved()

    def action_jump(self, seconds: float) -> None:
        """Go on or back by so much; what plays goes on playing."""
        play = self.look_up_playback()
        if play is not None:
            self.seek(max(0.0, play.position_s + seconds))

    def action_nudge(self, seconds: float) -> None:
        """Pause, and go by a small step."""
        if self.view.abilities.playback:
            self.source.step(seconds)
            self._moved()

    def action_speed(self, step: int) -> None:
        """Play faster or slower."""
        play = self.look_up_playback()
        if play is not None:
            place = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - play.speed))
            self.source.set_speed(SPEEDS[min(len(SPEEDS) - 1, max(0, place + step))])
            self._moved()

    def action_again(self) -> None:
        """Begin anew at the end, or stay there."""
        play = self.look_up_playback()
        if play is not None:
            self.source.set_loop(not play.loop)
            self._moved()

    def action_now(self) -> None:
        """Back to the present; in a replay to the end."""
        if self.view.abilities.playback:
            self.source.now()
            self._moved()

    def action_go_to(self) -> None:
        """Ask for a time and go there."""
        from loopscope.ui.screens.modals import Ask

        def typed(value: str | None) -> None:
            if value is not None:
                self.seek(float(value))

        play = self.look_up_playback()
        if play is not None:
            hint = f"m:ss or seconds, up to {clock(play.length_s)}"
            self.push_screen(Ask("go to", hint, lambda text: str(moment(text))), typed)

    def action_to_mark(self, step: int) -> None:
        """Go to the next lever, mark, finding or loss, or to the one before."""
        # Not at the top: they bring numpy, which costs a third of the time to the first paint.
        from loopscope.ui.panes.line import stops
        from loopscope.ui.panes.timeline import letter

        play = self.look_up_playback()
        if play is None:
            return
        self.view.overview = self.source.overview()
        at = play.position_s
        if step > 0:
            found = next((mark for mark in stops(self.view) if mark.t_s > at + 0.05), None)
        else:
            back = at - (_BACK_S * max(1.0, play.speed) if play.playing else 0.05)
            found = next((mark for mark in reversed(stops(self.view)) if mark.t_s < back), None)
        if found is None:
            self.notify("no mark after this" if step > 0 else "no mark before this", timeout=2, markup=False)
            return
        self.seek(found.t_s)
        words = f"{letter(found)} {found.label} at {clock(found.t_s)}"
        self.notify(words, timeout=2, markup=False)

    def action_line(self) -> None:
        """Show the time line of the whole run beside what is now, or put it away."""
        self.view.line = not self.view.line
        self._moved()
