"""The bench can fail: an idle session passes the idle case and none other, and every single thing that a case asks for
is missing in it, but for what a cause must leave as it is."""

from dataclasses import replace

import pytest
from msgspec import structs

from kit.tape import calm
from loopscope.experiments.selftest import CASES, Case, Evidence, judge
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.model.summary_types import FindingSummary, Summary
from loopscope.settings.injected_faults import parse_injected_fault

SLACK = 2.0
"""By how much tests/planted widens the sizes on two noisy cores: with that, too, an idle session must fail."""


@pytest.fixture(scope="module")
def calm_summary() -> Summary:
    fold = Fold()
    for record in calm():
        fold.feed(record)
    return summary(fold)


def planted(case: Case, idle: Summary) -> Evidence:
    """An idle session, beside plants that say they did what they were told to."""
    plants = {}
    for text in case.plants:
        plant = parse_injected_fault(text)
        busy = plant.ms / 1e3 * plant.hz or plant.share or 0.1
        plants[plant.name] = {
            "seconds": case.seconds,
            "count": plant.hz * case.seconds,
            "wall_s": busy * case.seconds,
            "cpu_s": busy * case.seconds,
            "longest_ms": plant.ms,
        }
    delay_ms = {"found": idle.delay_ms.p50, "truth": idle.delay_ms.p50}
    if "idle" not in case.name:
        delay_ms["truth"] = 100.0
    return Evidence(idle, plants, delay_ms, idle={"elu": idle.loop.elu, "cpu": idle.loop.cpu})


def ids(case: Case) -> str:
    return f"{case.name}-{case.loop}"


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_an_idle_session_is_only_idle(case: Case, calm_summary: Summary) -> None:
    """A session in which nothing was planted passes the idle case and none other, also with wider sizes."""
    wrong = judge(case, planted(case, calm_summary), SLACK)
    assert bool(wrong) is (case.name != "idle"), wrong


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_each_assertion_of_a_case_fails_on_an_idle_session(case: Case, calm_summary: Summary) -> None:
    """Findings and sizes one by one: what cannot fail proves nothing."""
    evidence = planted(case, calm_summary)
    told = {one.name for one in calm_summary.findings}
    assert not case.fires & told
    asked = [size for size in case.sizes(evidence) if not size.calm]
    assert [size.words for size in asked if size.holds(SLACK)] == []
    assert case.fires or asked or case.name == "idle"


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_what_has_to_end_has_to_fire_first(case: Case) -> None:
    """A finding that never came would have ended well."""
    assert case.ends <= case.fires


def test_a_stolen_core_explains_as_much_utilisation_as_the_kernel_counted(calm_summary: Summary) -> None:
    """A loop that is fuller than what was planted is off, unless it waited for a core for so long; what the plant met
    of that wait is in its own account already. A loop that is emptier is off in any case."""
    case = next(case for case in CASES if case.name == "own CPU 50 %")

    def holds(elu: float, runq: float, met: float = 0.0) -> bool:
        evidence = planted(case, calm_summary)
        loop = structs.replace(calm_summary.loop, elu=elu, runq=runq)
        evidence = replace(evidence, summary=structs.replace(calm_summary, loop=loop))
        evidence.plants["spin"]["wall_s"] += met * case.seconds
        return next(size for size in case.sizes(evidence) if size.name == "elu").holds()

    most = max(calm_summary.loop.elu, calm_summary.loop.cpu)
    assert holds(0.5 + most, 0.0)
    assert not holds(0.56 + most, 0.0)
    assert not holds(0.4, 0.2)
    assert holds(0.64 + most, 0.1)
    assert not holds(0.76 + most, 0.2, met=0.1)
    assert holds(0.74 + most, 0.2, met=0.1)


def test_a_wrong_finding_is_a_miss(calm_summary: Summary) -> None:
    """A finding that nobody planted is told as wrong, with its sentence; one that still holds when its cause has gone
    as well; time without a core is the kernel's own word and is let pass."""
    case = next(case for case in CASES if case.ends == {"client-cpu"})
    idle = next(case for case in CASES if case.name == "idle")

    def said(name: str, until_s: float | None = None) -> FindingSummary:
        return FindingSummary(
            name=name,
            severity="warn",
            sentence=f"{name}!",
            evidence="",
            figures={},
            lever="",
            under="",
            since_s=0.0,
            until_s=until_s,
            active=until_s is None,
        )

    def told(one: Case, *names: FindingSummary) -> list[str]:
        return judge(one, planted(one, structs.replace(calm_summary, findings=list(names))))

    assert told(idle, said("gil-held")) == ["it says 'gil-held': gil-held!"]
    assert told(idle, said("core-stolen")) == []
    assert told(case, said("client-cpu")) == ["'client-cpu' still holds when its cause has gone"]
    assert told(case, said("client-cpu", 9.0)) == []
