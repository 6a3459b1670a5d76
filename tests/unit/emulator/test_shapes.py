"""Lines made beforehand."""

from loopscope.emulator.corpus import Text, text_of
from loopscope.emulator.native import generate_frames
from loopscope.emulator.openai import chat_frames, text_frames
from loopscope.emulator.script import Script
from loopscope.emulator.shapes import FLAT_LINES, FULL_STAMP, Frames, Shape, chunk, shape_of

STAMP = b"2026-11-21T02:58:01.123456789"


def shape(frames: Frames, text: Text, variable: int = FULL_STAMP) -> Shape:
    """The shape of a plain answer."""
    return shape_of(Script(text, 0, 1), variable, frames)


def test_ready_made_line_is_the_message_in_its_chunk() -> None:
    """For every token of the text, whatever its length; a silent token has no line."""
    text = text_of("tricky")
    assert len(STAMP) == FULL_STAMP
    for made, variable in (
        (shape(generate_frames("gemma3"), text), STAMP),
        (shape(chat_frames("gemma3"), text, 9), b"x" * 9),
        (shape(text_frames("gemma3", usage=True), text, 9), b"x" * 9),
    ):
        for place, fragment in enumerate(text.fragments):
            line = made.pre[place] + variable + made.post[place]
            assert line == chunk(made.message(variable, place)) if fragment else not made.post[place]


def test_block_is_its_lines_one_after_another() -> None:
    """For every place, also at the seam of the text and with silent tokens; a shorter one where fewer are left."""
    text = text_of("tricky")
    made = shape(generate_frames("gemma3"), text)
    size = len(text.fragments)
    for place in range(size):
        block = made.block(place)
        places = range(place, min(place + FLAT_LINES, size))
        lines = [made.pre[n] + STAMP + made.post[n] for n in places if made.post[n]]
        assert STAMP.join(block.parts) == b"".join(lines) == block.framed(made, STAMP)
        assert (block.tokens, block.lines, block.after) == (len(places), len(lines), places.stop % size)
    short = made.make_block(3, 2)
    assert (short.tokens, short.after) == (2, 5)
    assert made.message(b"12", 0) in made.make_block(0, 1).framed(made, b"12")


def test_lines_of_a_shared_text_are_made_once() -> None:
    """A second request of the same model takes what the first one made; a text of one request is not kept."""
    frames = generate_frames("gemma3")
    assert shape(frames, text_of("words")) is shape(generate_frames("gemma3"), text_of("words"))
    own = Text(["a"])
    assert shape(frames, own) is not shape(frames, own)
