"""A whole trace for a report."""

from pathlib import Path

from kit.tape import Rig, S, header, hello, lever, merged
from loopscope.core.codec import encode
from loopscope.core.records import Checkpoint, Second, Seconds, Trailer
from loopscope.model.aggregate import Row
from loopscope.model.summary import summary
from loopscope.session import folding
from loopscope.session.folding import fold_file
from loopscope.session.replay import fold_whole
from loopscope.settings.places import recordings_dir
from loopscope.trace.reader import read


def trace(path: Path, seconds: int = 20) -> Path:
    records = merged(header(), hello(), Rig(S // 2, seconds * S), lever(10 * S, "throttle", "off", "50"))
    records.append(Trailer(t_ns=records[-1].t_ns, lines=len(records)))
    path.write_bytes(b"".join(encode(record) for record in records))
    return path


def test_the_summary_is_that_of_the_replay(tmp_path: Path) -> None:
    """Keeping bins changes nothing, and every chunk of every segment is in a kept bin."""
    path = trace(tmp_path / "run.jsonl")
    folded = fold_file(path)
    fold, outcome = fold_whole(path)
    assert folded.summary == summary(fold)
    assert folded.outcome == outcome
    assert sum(one.sums[Row.CHUNKS] for one in folded.kept.bins) == folded.summary.chunks
    for number, segment in enumerate(folded.summary.segments):
        assert sum(one.sums[Row.CHUNKS] for one in folded.kept.of([number])) == segment.chunks
    assert folded.file.whole is True


def test_what_is_made_of_the_others_changes_nothing(tmp_path: Path) -> None:
    """Without its seconds and checkpoints a trace has the same figures, bins and marks."""
    folder = recordings_dir()
    assert folder is not None
    with read(folder / "calm-pair.jsonl.zst") as reading:
        header_record, records = reading.header, list(reading)
    bare = [record for record in records if not isinstance(record, Second | Seconds | Checkpoint | Trailer)]
    assert len(bare) < len(records) - 10
    path = tmp_path / "bare.jsonl"
    path.write_bytes(
        b"".join(encode(record) for record in (header_record, *(one for one in bare if one != header_record)))
    )
    whole, stripped = fold_file(folder / "calm-pair.jsonl.zst"), fold_file(path)
    assert stripped.summary == whole.summary
    assert len(stripped.kept.bins) == len(whole.kept.bins)
    assert stripped.fold.marks == whole.fold.marks


def test_progress_goes_up_to_its_end(tmp_path: Path, monkeypatch: object) -> None:
    """It is told again and again, never goes back, and ends near one."""
    path = trace(tmp_path / "run.jsonl", 120)
    monkeypatch.setattr(folding, "_SMALL_BYTES", 0)  # type: ignore[attr-defined]
    told: list[float] = []
    fold_file(path, told.append)
    assert len(told) >= 8
    assert told == sorted(told)
    assert told[-1] > 0.8
