"""Calibrations are kept, come back as they were, and say when they are out of date."""

import pytest

from loopscope.core.codec import decode, encode
from loopscope.core.errors import LoopscopeError
from loopscope.session import calibration_store
from loopscope.session.calibration_store import Bound, Calibration, Shape
from loopscope.stats.ceiling import Costs, Load


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration_store, "data_dir", lambda: tmp_path)
    return tmp_path


def made(**settings: str) -> Calibration:
    keys = {"client": "httpx", "loop": "asyncio", "decoder": "orjson", "batch": "off", "placement": "loop"} | settings
    row = Load(streams=2, offered=1, delivered=1)
    return Calibration(
        date="2026-11-21T13:50+00:00",
        machine=calibration_store.machine(),
        settings=keys,
        versions=calibration_store.versions_now(keys["client"], keys["loop"]),
        shapes=[Shape(streams=2, hard=Bound(low=1.0, mid=2.0, high=None), rows=[row])],
        costs=Costs(wakeup_us=60, read_us=20, chunk_us=10, error=0.1, loads=8),
        words="as measured",
    )


def test_what_is_kept_comes_back(own_folder) -> None:
    """One file each; a second one for the same levers takes the place of the first."""
    calibration_store.keep(made())
    calibration_store.keep(made(batch="read:50ms", loop="uvloop"))
    calibration_store.keep(made())
    assert sorted(one.settings["loop"] for one in calibration_store.kept()) == ["asyncio", "uvloop"]
    assert calibration_store.kept()[0] == made()
    assert {path.parent for path in own_folder.rglob("*.json")} == {
        own_folder / "calibrations" / calibration_store.machine_hash()
    }


def test_a_calibration_from_before_a_lever_is_replaced_by_one_at_its_default(own_folder) -> None:
    """``read=auto`` is what it was; another read size is another client, with a file of its own."""
    calibration_store.keep(made())
    calibration_store.keep(made(read="auto", tcp="default"))
    assert [one.settings.get("read") for one in calibration_store.kept()] == ["auto"]
    calibration_store.keep(made(read="4k", tcp="default"))
    assert sorted(one.settings["read"] for one in calibration_store.kept()) == ["4k", "auto"]


def test_damaged_files_are_as_good_as_not_there(own_folder) -> None:
    """No JSON, another version, something else, too large: each is passed over."""
    calibration_store.keep(made())
    folder = calibration_store.folder()
    (folder / "a.json").write_bytes(b"{")
    (folder / "b.json").write_bytes(b'{"version": 99}')
    (folder / "c.json").write_bytes(b"[]")
    (folder / "d.json").write_bytes(b" " * (calibration_store.MOST_BYTES + 1))
    assert len(calibration_store.kept()) == 1


def test_another_version_makes_it_stale() -> None:
    """And says which."""
    assert made().stale == ""
    old = Calibration(
        date="", machine={}, settings=made().settings, versions={"client_version": "0.1", "python": "3.0"}, shapes=[]
    )
    assert "client_version was 0.1" in old.stale
    assert "python was 3.0" in old.stale


def test_it_is_told_in_records_that_travel() -> None:
    """Each load is a point, each shape an outcome; the codec takes them, and what is not known stays so."""
    records = [decode(encode(record)) for record in calibration_store.results(made())]
    assert [record.settings["kind"] for record in records] == ["point", "outcome"]
    assert records[1].figures["hard_mid_chunks_s"] == 2.0
    assert records[1].figures["hard_hi_chunks_s"] is None
    assert records[1].figures["wakeup_us"] == 60
    assert records[1].settings["date"] == "2026-11-21T13:50+00:00"


def test_a_folder_that_cannot_be_written_is_one_sentence(own_folder) -> None:
    """Not a traceback."""
    (own_folder / "calibrations").write_text("a file")
    with pytest.raises(LoopscopeError, match="cannot keep the calibration"):
        calibration_store.keep(made())
    assert calibration_store.kept() == []
