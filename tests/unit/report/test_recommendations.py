"""The decision text: each sentence holds the figure that it rests on, and none is said without one."""

from typing import Any

from msgspec import structs

from loopscope.model.fold import Fold
from loopscope.model.snapshot import CeilingView, Quantiles, ResultView, Snapshot
from loopscope.model.standing import NextLever, Standing
from loopscope.model.summary import summary as summed
from loopscope.model.summary_types import PowerSummary, Summary
from loopscope.report.recommendations import verdict
from loopscope.settings.prices import Prices


def summary(**changes: Any) -> Summary:
    made = summed(Fold())
    power = PowerSummary(source="nvml", label="GPU power", simulated=False, watts=250.0, share=None)
    made = structs.replace(made, delay_ms=Quantiles(p99=0.8), power=power, tokens=1000, measured_s=10.0)
    ceiling = {"now_chunks_s": 200.0, "at_least_chunks_s": 4000.0} | changes.pop("ceiling", {})
    loop = {"elu": 0.05, "cpu": 0.045} | changes.pop("loop", {})
    power = structs.replace(power, **changes.pop("power", {}))
    return structs.replace(
        made,
        ceiling=structs.replace(made.ceiling, **ceiling),
        loop=structs.replace(made.loop, **loop),
        power=power,
        **changes,
    )


def rounds(**parts: float) -> ResultView:
    figures: dict[str, float | None] = {"measured": 1 - sum(parts.values()), **parts}
    return ResultView(t_s=1.0, what="scenario", words="", figures=figures)


def text(made: Summary, snapshot: Snapshot | None = None, prices: Prices | None = None) -> str:
    return " ".join(verdict(made, snapshot or Snapshot(), prices or Prices()))


def test_a_lower_bound_is_called_one_and_a_measurement_too() -> None:
    """The standing of a ceiling is never left out."""
    assert "at least 4 000 chunks/s that it could carry (a lower bound" in text(summary())
    measured = CeilingView(measured=Standing(9800.0, 9200.0, 10400.0), expected=Standing(9000.0))
    said = text(summary(), Snapshot(ceiling=measured))
    assert "9 800 (9 200 to 10.4 k) chunks/s, measured by a ramp: 98 % of it is free" in said
    expected = CeilingView(expected=Standing(8000.0, 7000.0, 9000.0))
    assert "expected from a calibration" in text(summary(), Snapshot(ceiling=expected))


def test_without_a_rate_there_is_not_enough_data() -> None:
    """Nothing is divided by nothing."""
    made = summary(ceiling={"now_chunks_s": None, "at_least_chunks_s": None}, loop={"elu": None, "cpu": None})
    assert text(made) == "Not enough data to hold the rate against a ceiling."


def test_a_loop_with_room_says_what_a_perfect_client_would_give() -> None:
    """An upper bound: the CPU it takes, the delay it adds."""
    said = text(summary())
    assert "would free 4.5 % of one core" in said
    assert "at most 0.80 ms earlier" in said
    assert "the servers would be no faster" in said


def test_without_chunks_the_loop_s_time_is_no_clients_cost() -> None:
    """A program that ended before its first chunk was busy with starting: nobody's client would have saved that."""
    made = summary(ceiling={"now_chunks_s": 0.0, "at_least_chunks_s": None}, loop={"elu": 0.83, "cpu": 0.72})
    assert "would free" not in text(made)


def test_a_full_loop_is_not_told_to_stay() -> None:
    """Here the client matters."""
    assert "The loop is full (97 % busy)" in text(summary(loop={"elu": 0.97, "cpu": 0.96}))


def test_rounds_name_the_largest_part_and_bound_the_client() -> None:
    """What the published table hides: decoding, not Python."""
    said = text(summary(), Snapshot(results=(rounds(decode=0.492, imbalance=0.087, client=-0.002, queue=0.0),)))
    assert "42.3 % of what the agents take alone" in said
    assert "decode, 49.2 points" in said
    assert "no more than 0.0 points" in said


def test_a_client_that_is_the_largest_part_is_said_to_be() -> None:
    """And what to look at."""
    said = text(summary(), Snapshot(results=(rounds(client=0.1, decode=0.01),)))
    assert "client, 10.0 points" in said


def test_next_levers_say_what_they_are_worth_at_this_rate() -> None:
    """A higher ceiling that nobody needs is called that."""
    lever = NextLever(lever="loop", value="uvloop", expected=Standing(12000.0, 11000.0, 13000.0))
    view = CeilingView(now_chunks_s=200.0, expected=Standing(8000.0), next_levers=(lever,), delay_ms=Quantiles())
    said = text(summary(), Snapshot(ceiling=view))
    assert "loop uvloop is expected to carry 12.0 k (11.0 k to 13.0 k) chunks/s; at the present rate" in said


def test_no_price_is_invented() -> None:
    """Without the operator's prices none; with them not for simulated power."""
    assert "kWh" not in text(summary())
    said = text(summary(), prices=Prices(currency="EUR", per_kwh=0.3, per_gpu_hour=2.0))
    assert "0.694 kWh: 0.208 EUR at 0.3 EUR/kWh" in said
    assert "2.78 hours: 5.56 EUR" in said
    simulated = summary(power={"watts": 250.0, "simulated": True, "source": "simulated", "label": "SIMULATED"})
    assert "EUR" not in text(simulated, prices=Prices(currency="EUR", per_kwh=0.3, per_gpu_hour=2.0))
