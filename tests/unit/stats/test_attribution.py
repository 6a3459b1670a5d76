"""Efficiencies and losses of rounds that can be worked out by hand."""

import pytest

from loopscope.stats.attribution import Work, efficiency, scaled


def server_work(wall_s: float, eval_s: float, *, tokens: int = 100, load_s: float = 0.0) -> Work:
    """An agent whose server took all but 0.1 s."""
    return Work(wall_s=wall_s, tokens=tokens, total_s=wall_s - 0.1, load_s=load_s, prompt_s=0.0, eval_s=eval_s)


def test_even_agents_that_do_not_disturb_each_other_lose_nothing() -> None:
    """Two agents as fast together as alone: 100 %, speed-up 2, every part 0."""
    alone = server_work(5.0, 4.9)
    made = efficiency([alone, alone], [alone, alone], 5.0)
    assert made.measured == 1.0
    assert made.speedup == 2.0
    assert made.loss is not None
    assert set(made.loss.parts().values()) == {0.0}
    assert made.wall == 1.0
    assert made.reported == pytest.approx(0.98)


def test_an_agent_that_ends_early_is_imbalance() -> None:
    """One needs 4 s and the other 5: 10 points of imbalance, nothing else, and all three formulas see it."""
    one, other = server_work(4.0, 3.9), server_work(5.0, 4.9)
    made = efficiency([one, other], [one, other], 5.0)
    assert made.measured == pytest.approx(0.9)
    assert made.loss is not None
    assert made.loss.imbalance == pytest.approx(0.1)
    assert made.wall == pytest.approx(0.9)
    assert made.reported == pytest.approx(0.88)


def test_decode_contention_is_seen_by_measured_alone() -> None:
    """Decoding takes twice as long together: measured says 51 %, the two published formulas see nothing of it."""
    alone, together = server_work(5.0, 4.9), server_work(9.9, 9.8)
    made = efficiency([together, together], [alone, alone], 9.9)
    assert made.measured == pytest.approx(5.0 / 9.9)
    assert made.loss is not None
    assert made.loss.decode == pytest.approx(4.9 / 9.9)
    assert made.wall == 1.0
    assert made.reported == pytest.approx(9.8 / 9.9)


def test_a_cold_start_is_its_load_time() -> None:
    """A load of 2 s in one of two agents, of 7 s: 2 / 14."""
    alone = server_work(5.0, 4.9)
    made = efficiency([server_work(7.0, 4.9, load_s=2.0), server_work(7.0, 4.9, load_s=2.0)], [alone, alone], 7.0)
    assert made.loss is not None
    assert made.loss.cold_start == pytest.approx(2 / 7)


def test_the_client_part_is_split_by_evidence_and_the_rest_is_other() -> None:
    """A throttle that made the agent 1 s longer, of 1.25 s lost at the client."""
    alone = server_work(5.0, 4.9)
    slow = Work(wall_s=6.25, tokens=100, total_s=4.9, load_s=0.0, prompt_s=0.0, eval_s=4.9, throttle_s=1.0)
    made = efficiency([slow, slow], [alone, alone], 6.25)
    assert made.client is not None
    assert made.client["throttle"] == pytest.approx(1.0 / 6.25)
    assert made.client["other"] == pytest.approx(0.25 / 6.25)


def test_solo_work_is_scaled_to_the_tokens_generated() -> None:
    """Alone 100 tokens took 4.9 s; 50 of them would have taken 2.45 s, and the other 0.1 s stays."""
    now = scaled(server_work(5.0, 4.9), Work(wall_s=9.0, tokens=50))
    assert now.eval_s == pytest.approx(2.45)
    assert now.wall_s == pytest.approx(2.55)


def test_without_a_solo_round_there_is_no_measured_efficiency() -> None:
    """The two formulas that need none are given; the headline and the loss are not guessed."""
    work = server_work(5.0, 4.9)
    made = efficiency([work, work], [work, None], 5.0)
    assert made.measured is None
    assert made.speedup is None
    assert made.loss is None
    assert made.wall == 1.0


@pytest.mark.parametrize("wall_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_round_without_a_wall_time_is_none(wall_s: float) -> None:
    """Nothing is divided by it."""
    with pytest.raises(ValueError, match="wall time"):
        efficiency([server_work(1.0, 0.9)], [None], wall_s)
