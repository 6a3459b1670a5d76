"""Which power is shown."""

import math

import pytest

from loopscope.core.records import HostLoad, Power, Truth
from loopscope.model.power import PowerBook

S = 1_000_000_000


def watts(source: str, value: float, name: str = "GPU 0", t: int = 0) -> Power:
    return Power(t_ns=t, source=source, name=name, watts=value)


def truth(proc: str, value: float | None) -> Truth:
    return Truth(t_ns=0, proc=proc, requests=0, streams=0, chunks=0, tokens=0, watts=value)


def test_nothing_is_a_value() -> None:
    """Without any reading the view says so in words, and so does a book that was told why."""
    book = PowerBook()
    assert book.view(0).words
    assert book.view(0).watts is None
    book.power(Power(t_ns=0, source="cpu", words="no power meter here"), 0)
    assert book.view(0).words == "no power meter here"


def test_the_better_source_is_shown() -> None:
    """A share, then a CPU package, then a simulation, then a card: each takes the place of the one before."""
    book = PowerBook()
    seen = []
    for record in (
        Power(t_ns=0, source="cpu", name="host CPU", share=0.25),
        watts("rapl", 20.0),
        watts("simulated", 90.0),
        watts("nvml", 300.0),
    ):
        book.power(record, 0)
        seen.append(book.view(0).source)
    assert seen == ["cpu", "rapl", "simulated", "nvml"]
    assert book.view(0).watts == 300.0
    assert book.view(0).label == "GPU 0 power, W"


def test_a_real_card_is_not_shown_beside_embedded_servers() -> None:
    """They do not run on it: the simulated power is, and is called so."""
    book = PowerBook()
    book.embedded = True
    book.power(watts("nvml", 300.0), 0)
    assert book.view(0).source == "nvml"
    book.truth(truth("emulator-1", 70.0), 0)
    book.truth(truth("emulator-2", 75.0), 0)
    view = book.view(0)
    assert (view.source, view.simulated, view.watts) == ("simulated", True, 145.0)
    assert "SIMULATED" in view.label


def test_cards_add_up() -> None:
    """Two cards are one series of their sum, and the label says how many."""
    book = PowerBook()
    book.power(watts("nvml", 100.0, "GPU 0"), 0)
    book.power(watts("nvml", 50.0, "GPU 1"), 0)
    view = book.view(0)
    assert view.watts == 150.0
    assert view.label == "power of 2 GPUs, W"


def test_a_card_that_fell_silent_no_longer_counts() -> None:
    """After three seconds its last reading is history, not now."""
    book = PowerBook()
    book.power(watts("nvml", 100.0), 0)
    assert book.view(2 * S).watts == 100.0
    assert book.view(4 * S).watts is None
    assert book.view(4 * S).values.tolist() == [100.0]


def test_utilisation_stands_in_for_power() -> None:
    """A card without a power reading shows its share, and no watts."""
    book = PowerBook()
    book.power(Power(t_ns=0, source="nvml", name="MIG 1g", share=0.5), 0)
    view = book.view(0)
    assert (view.watts, view.share) == (None, 0.5)
    assert "utilisation" in view.label
    assert book.watts(0) is None


def test_the_load_of_the_cores_is_the_last_resort() -> None:
    """Without any power record the mean load of the cores is shown, and each core is kept."""
    book = PowerBook()
    book.host(HostLoad(t_ns=0, cpu=[0.2, 0.6]), 0)
    assert book.view(0).share == pytest.approx(0.4)
    assert book.host_cpu == (0.2, 0.6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, 1e308])
def test_readings_that_cannot_be_are_left_out(bad: float) -> None:
    """Not a number, negative, more than a power station: no reading."""
    book = PowerBook()
    book.power(watts("nvml", bad), 0)
    book.power(Power(t_ns=0, source="cpu", share=bad), 0)
    book.truth(truth("e", bad), 0)
    assert book.source() == ""
    book.host(HostLoad(t_ns=0, cpu=[bad]), 0)
    assert all(0 <= core <= 1 for core in book.host_cpu)


def test_two_minutes_are_kept() -> None:
    """The series ends now and begins two minutes ago at most."""
    book = PowerBook()
    for second in range(300):
        book.power(watts("nvml", float(second), t=second * S), second * S)
    view = book.view(299 * S)
    assert view.t_s[0] >= 179
    assert view.t_s[-1] == 299
    assert book.shown().mean() == pytest.approx(149.5)
