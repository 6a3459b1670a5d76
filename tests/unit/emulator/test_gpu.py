"""One card, several servers."""

from pathlib import Path
from time import perf_counter_ns

import pytest

from loopscope.core.errors import InputError
from loopscope.emulator.gpu import NEVER, RENEW_NS, SLOTS, STALE_NS, Gpu
from loopscope.emulator.power import Card


def test_alone_nothing_is_shared() -> None:
    """Without a file the factor is 1, at work or not."""
    gpu = Gpu(None, 3.0)
    gpu.work(at_work=True, now=perf_counter_ns())
    assert (gpu.factor, gpu.shared, gpu.next_look_ns) == (1.0, False, NEVER)


def test_factor_holds_while_another_works_and_ends_with_it(tmp_path: Path) -> None:
    """Both slow down while both work; one left alone is as fast as ever."""
    one, two = Gpu(tmp_path / "gpu", 2.73), Gpu(tmp_path / "gpu", 2.73)
    now = perf_counter_ns()
    one.work(at_work=True, now=now)
    assert (one.factor, one.others, one.others_at_work) == (1.0, 1, 0)
    two.work(at_work=True, now=now)
    one.look(now)
    assert one.factor == two.factor == 2.73
    two.work(at_work=False, now=now)
    one.look(now)
    assert one.factor == 1.0
    one.close()
    two.close()


def test_each_further_server_slows_by_the_same_step(tmp_path: Path) -> None:
    """Three at work with factor 2: each gap three times as long."""
    gpus = [Gpu(tmp_path / "gpu", 2.0) for _ in range(3)]
    now = perf_counter_ns()
    for gpu in gpus:
        gpu.work(at_work=True, now=now)
    gpus[0].look(now)
    assert gpus[0].factor == 3.0
    for gpu in gpus:
        gpu.close()


def test_dead_server_loses_its_share(tmp_path: Path) -> None:
    """One that does not renew its slot any more counts for a second and no longer."""
    one, dead = Gpu(tmp_path / "gpu", 2.0), Gpu(tmp_path / "gpu", 2.0)
    now = perf_counter_ns()
    one.work(at_work=True, now=now)
    dead.work(at_work=True, now=now)
    one.look(now + STALE_NS // 2)
    assert one.factor == 2.0
    one.look(now + STALE_NS + 1)
    assert (one.factor, one.others) == (1.0, 0)
    one.close()
    dead.close()


def test_living_server_renews_its_slot(tmp_path: Path) -> None:
    """Looking is enough to stay alive in the eyes of the others."""
    one, two = Gpu(tmp_path / "gpu", 2.0), Gpu(tmp_path / "gpu", 2.0)
    now = perf_counter_ns()
    two.work(at_work=True, now=now)
    later = now + 3 * STALE_NS
    for moment in range(now, later + 1, RENEW_NS):
        two.look(moment)
    one.work(at_work=True, now=later)
    assert one.factor == 2.0
    one.close()
    two.close()


def test_slots_are_given_back_and_run_out(tmp_path: Path) -> None:
    """A closed server leaves its slot to the next; one too many is refused in a sentence."""
    path = tmp_path / "gpu"
    for _ in range(SLOTS + 1):
        Gpu(path, 1.0).close()
    gpus = [Gpu(path, 1.0) for _ in range(SLOTS)]
    with pytest.raises(InputError, match="share"):
        Gpu(path, 1.0)
    for gpu in gpus:
        gpu.close()
    with pytest.raises(InputError, match="cannot share"):
        Gpu(tmp_path / "no" / "folder", 1.0)


def test_nothing_is_looked_up_where_it_would_change_nothing(tmp_path: Path) -> None:
    """With factor 1 the streams never look; with another one they do while at work."""
    now = perf_counter_ns()
    for factor, looks in ((1.0, False), (2.0, True)):
        gpu = Gpu(tmp_path / "gpu", factor)
        gpu.work(at_work=True, now=now)
        assert (gpu.next_look_ns != NEVER) is looks
        gpu.work(at_work=False, now=now)
        assert gpu.next_look_ns == NEVER
        gpu.close()


def test_power_follows_work() -> None:
    """Idle power while nothing runs, busy power while something does, however much runs at a time."""
    card = Card(Gpu(), 20, 150)
    start = card._at_ns
    card.enter(start + 10**9)
    card.enter(start + 10**9)
    card.leave(start + 2 * 10**9)
    card.leave(start + 3 * 10**9)
    assert card.busy_ns == 2 * 10**9
    assert card.watts(start + 4 * 10**9) == pytest.approx((2 * 20 + 2 * 150) / 4)
    assert card.watts(start + 5 * 10**9) == pytest.approx(20)
    assert card.joules == pytest.approx(2 * 20 + 2 * 150 + 20)


def test_servers_on_one_card_add_up_to_its_power(tmp_path: Path) -> None:
    """Two at work share the busy power; one at work beside an idle one leaves it half the idle power."""
    cards = [Card(Gpu(tmp_path / "gpu", 1.0), 20, 150) for _ in range(2)]
    now = max(card._at_ns for card in cards)
    for card in cards:
        card.tick(now)
        card.watts(now)
        card.enter(now)
    for card in cards:
        card.tick(now)
    assert sum(card.watts(now + 10**8) for card in cards) == pytest.approx(150)
    cards[1].leave(now + 10**8)
    cards[0].tick(now + 10**8)
    assert [card.watts(now + 2 * 10**8) for card in cards] == pytest.approx([140, 10])
    for card in cards:
        card.gpu.close()
