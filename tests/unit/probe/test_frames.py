"""Frames are named by package, never by a path of this machine."""

import json
import sys

import pytest

from loopscope.probe.frames import place_of, short_file, stack_of


@pytest.mark.parametrize(
    ("path", "module", "name"),
    [
        ("/home/somebody/agents.py", "__main__", "agents.py"),
        ("/home/somebody/app/tools/run.py", "app.tools.run", "app/tools/run.py"),
        ("/usr/lib/python3.12/json/__init__.py", "json", "json/__init__.py"),
        ("/home/somebody/x.py", "", "x.py"),
        ("<string>", "__main__", "<string>"),
    ],
)
def test_a_file_is_named_within_its_package(path: str, module: str, name: str) -> None:
    """Nothing above the package is in the name."""
    assert short_file(path, module) == name


def test_the_line_of_the_program_is_named_not_that_of_a_library() -> None:
    """While the decoder of the standard library runs, the line that called it is named; the stack begins inside."""
    seen = []

    def watch(pairs: object) -> object:
        seen.append(sys._getframe())
        return pairs

    json.loads('{"a": 1}', object_pairs_hook=watch)
    inner = seen[0].f_back
    assert inner is not None
    place = place_of(inner)
    assert place.file.endswith("test_frames.py")
    assert not place.file.startswith("/")
    assert not place.own
    assert stack_of(inner)[0].startswith("json/decoder.py:")
