"""Lines made beforehand."""

from loopscope.emulator.shapes import FULL_STAMP, chat_event_shape, chunk, generate_shape, text_event_shape
from loopscope.emulator.words import Text, text_of

STAMP = b"2026-11-21T02:58:01.123456789"


def test_ready_made_line_is_the_message_in_its_chunk() -> None:
    """For every token of the text, whatever its length; a silent token has no line."""
    text = text_of("tricky")
    assert len(STAMP) == FULL_STAMP
    for shape, variable in (
        (generate_shape("gemma3", text), STAMP),
        (chat_event_shape("gemma3", text, 9), b"x" * 9),
        (text_event_shape("gemma3", text, 9, usage=True), b"x" * 9),
    ):
        for place, fragment in enumerate(text.fragments):
            line = shape.pre[place] + variable + shape.post[place]
            assert line == chunk(shape.message(variable, place)) if fragment else not shape.post[place]


def test_lines_of_a_shared_text_are_made_once() -> None:
    """A second request of the same model takes what the first one made; a text of one request is not kept."""
    assert generate_shape("gemma3", text_of("words")) is generate_shape("gemma3", text_of("words"))
    own = Text(["a"])
    assert generate_shape("gemma3", own) is not generate_shape("gemma3", own)
