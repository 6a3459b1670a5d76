"""Lines made beforehand."""

from loopscope.emulator.corpus import Text, text_of
from loopscope.emulator.shapes import FLAT_LINES, FULL_STAMP, chat_event_shape, chunk, generate_shape, text_event_shape

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


def test_block_is_its_lines_one_after_another() -> None:
    """For every place, also at the seam of the text and with silent tokens; a shorter one where fewer are left."""
    text = text_of("tricky")
    shape = generate_shape("gemma3", text)
    size = len(text.fragments)
    for place in range(size):
        block = shape.block(place)
        places = range(place, min(place + FLAT_LINES, size))
        lines = [shape.pre[n] + STAMP + shape.post[n] for n in places if shape.post[n]]
        assert STAMP.join(block.parts) == b"".join(lines) == block.framed(shape, STAMP)
        assert (block.tokens, block.lines, block.after) == (len(places), len(lines), places.stop % size)
    short = shape.make_block(3, 2)
    assert (short.tokens, short.after) == (2, 5)
    assert shape.message(b"12", 0) in shape.make_block(0, 1).framed(shape, b"12")


def test_lines_of_a_shared_text_are_made_once() -> None:
    """A second request of the same model takes what the first one made; a text of one request is not kept."""
    assert generate_shape("gemma3", text_of("words")) is generate_shape("gemma3", text_of("words"))
    own = Text(["a"])
    assert generate_shape("gemma3", own) is not generate_shape("gemma3", own)
