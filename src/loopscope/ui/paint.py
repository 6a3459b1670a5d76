"""From style words to terminal colours: the only place where a run's style becomes a Rich style."""

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.filter import LineFilter
from textual.strip import Strip

from loopscope.draw.ink import BODY, Row
from loopscope.draw.plain_ascii import to_ascii

_FLAGS = {"bold", "reverse", "underline"}


class Paint:
    """Colours of one theme on one terminal. Styles are made once a theme; a frame only looks them up.

    The line filters (``NO_COLOR``, colours that the terminal lacks) work on styles alone, so they are applied here
    and not to every line of every frame.
    """

    def __init__(
        self, variables: Mapping[str, str], filters: Sequence[LineFilter] = (), ascii_only: bool = False
    ) -> None:
        self._variables = variables
        self._filters = filters
        self.ascii_only = ascii_only
        self._styles: dict[str, Style] = {}
        self._background = self._colour("background")

    def style(self, words: str) -> Style:
        """Style of a run; see :mod:`loopscope.draw.ink` for the words."""
        known = self._styles.get(words)
        if known is None:
            known = self._styles[words] = self._make(words)
        return known

    def strip(self, row: Row, width: int) -> Strip:
        """Make the strip of one row of exactly ``width`` cells."""
        style = self._styles
        if self.ascii_only:
            segments = [Segment(to_ascii(text), style.get(words) or self.style(words)) for text, words in row]
        else:
            segments = [Segment(text, style.get(words) or self.style(words)) for text, words in row]
        return Strip(segments, width)

    def _make(self, words: str) -> Style:
        parts = words.split()
        names = [part for part in parts if part not in _FLAGS and part != "on"]
        back = names[1] if " on " in words and len(names) > 1 else "background"
        colour, ground = self._colour(names[0] if names else BODY), self._colour(back)
        if colour.ansi is None and colour.a < 1 and ground.ansi is None:
            colour = ground.blend(colour, colour.a, 1.0)
        made = Style(
            color=colour.rich_color,
            bgcolor=ground.rich_color,
            bold="bold" in parts or None,
            reverse="reverse" in parts or None,
            underline="underline" in parts or None,
        )
        segments = [Segment("x", made)]
        for line_filter in self._filters:
            segments = line_filter.apply(segments, self._background)
        return segments[0].style or made

    def _colour(self, name: str) -> Color:
        value = self._variables.get(name, "")
        try:
            # Textual writes some as "auto 87%" or "ansi_blue 50%"; those of ours are plain.
            return Color.parse(value.split(" ")[0])
        except ColorParseError:
            return Color.parse(self._variables.get("foreground", "ansi_default"))
