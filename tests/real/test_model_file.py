"""The made-up model file: reproducible, complete, written whole or not at all."""

import math
from pathlib import Path

import pytest

from loopscope.core.errors import InputError
from loopscope.realpair.vocabulary import EOS, make_vocabulary
from loopscope.realpair.weights import SHAPES, write_model


def test_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    """Bytes are a function of shape and seed alone; another seed gives another file under another name."""
    first = write_model(tmp_path / "a", SHAPES["tiny"], seed=5)
    again = write_model(tmp_path / "b", SHAPES["tiny"], seed=5)
    other = write_model(tmp_path / "a", SHAPES["tiny"], seed=6)
    assert first.read_bytes() == again.read_bytes()
    assert other.name != first.name
    assert other.read_bytes() != first.read_bytes()
    assert sorted(path.suffix for path in (tmp_path / "a").iterdir()) == [".gguf", ".gguf"]


def test_file_that_is_there_is_used(tmp_path: Path) -> None:
    """A second start does not write again."""
    path = write_model(tmp_path, SHAPES["tiny"])
    before = path.stat().st_mtime_ns
    assert write_model(tmp_path, SHAPES["tiny"]) == path
    assert path.stat().st_mtime_ns == before


def test_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """A file where the folder should be is told as wrong input."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the model file"):
        write_model(tmp_path / "file" / "folder", SHAPES["tiny"])


@pytest.mark.parametrize("size", [shape.vocabulary for shape in SHAPES.values()])
def test_vocabulary_has_its_size_and_every_character(size: int) -> None:
    """Exactly as many pieces as asked for, no piece twice, all bytes and printable characters among them."""
    made = make_vocabulary(size, seed=1, byte_share=0.05, end_share=0.0)
    assert len(made.pieces) == len(set(made.pieces)) == size
    assert len(made.types) == len(made.scores) == len(made.bias) == size
    assert {chr(code) for code in range(0x20, 0x7F)} | {f"<0x{value:02X}>" for value in range(256)} <= set(made.pieces)


def test_shares_are_what_was_asked_for() -> None:
    """The shares of all pieces add up to one; bytes and the end have theirs, or as good as none."""
    made = make_vocabulary(2048, seed=1, byte_share=0.25, end_share=0.01)
    share = [math.exp(bias) for bias in made.bias]
    assert sum(share) == pytest.approx(1.0, abs=1e-6)
    assert sum(share[3:259]) == pytest.approx(0.25, abs=1e-6)
    assert share[EOS] == pytest.approx(0.01)
    assert math.exp(make_vocabulary(2048, 1, 0.0, 0.0).bias[EOS]) < 1e-9


def test_every_word_can_be_built_from_its_beginnings() -> None:
    """SPM joins pieces two by two: each beginning of a word must be a piece as well."""
    made = make_vocabulary(2048, seed=1, byte_share=0.0, end_share=0.0)
    pieces = set(made.pieces)
    words = [piece for piece in made.pieces if piece.startswith("\u2581") and len(piece) > 2]
    assert len(words) > 300
    assert all(word[:end] in pieces for word in words for end in range(1, len(word)))
