"""What the program under the probe prints: the last lines of it, as plain text."""

from loopscope.draw.ink import Ink, Row, fit, frame
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the pane at ``width`` x ``height`` cells, frame included; the newest line stands at the bottom."""
    lines, inner, high = view.snapshot.output, width - 2, height - 2
    title = "what the program prints"
    if not lines:
        words = "not known of this session" if lines is None else "nothing so far"
        return frame(title, message(words, inner, high), width, height)
    shown = lines[-high:] if high > 0 else ()
    body = [Ink().put(" ").put(fit(line, max(0, inner - 2)), "value").row(inner) for line in shown]
    return frame(title, body, width, height, right=[[("stdout and stderr", "label")]])
