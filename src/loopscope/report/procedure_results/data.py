"""What procedures have found in a trace, as plain data; ``null``: not enough data."""

from dataclasses import asdict
from typing import Any

from loopscope.model.standing import Standing
from loopscope.report.evidence import LOSSES
from loopscope.report.procedure_results.build import CeilingFound, FlipFound, Found, RoundsFound
from loopscope.report.procedure_results.tables import FORMULAS
from loopscope.stats.attribution import CLIENT_PARTS


def data(found: Found) -> dict[str, Any]:
    """Give all of it; an empty list where nothing was run."""
    return {
        "rounds": [_rounds(one) for one in found.rounds],
        "ceilings": {
            "at_least_chunks_s": found.at_least,
            "expected": _standing(found.live.expected),
            "expected_words": found.live.expected_words or None,
            "measured": _standing(found.live.measured),
            "ramps": [_ceiling(one) for one in found.ceilings if one.what == "ramp"],
            "calibrations": [_ceiling(one) for one in found.ceilings if one.what == "calibration"],
        },
        "ab": [_flip(one) for one in found.flips],
    }


def _rounds(one: RoundsFound) -> dict[str, Any]:
    means = one.means
    return {
        "scenario": one.scenario,
        "words": one.words or None,
        "agents": one.agents,
        "finished": one.finished,
        "counted": one.counted,
        "rounds_not_kept": one.missing,
        "efficiency": {name: means.get(name) for name in FORMULAS},
        "speedup": means.get("speedup"),
        "loss": {name: means.get(name) for name in LOSSES},
        "client": {name: means.get(f"client_{name}") for name in CLIENT_PARTS},
        "spread": {name: asdict(held) for name, held in one.over.items()},
        "rounds": [
            {"round": made.number, "t_s": made.t_s, "left_out": made.left_out or None, "figures": dict(made.figures)}
            for made in one.rounds
        ],
        "by_agent": {name: dict(figures) for name, figures in one.by_agent.items()},
    }


def _standing(one: Standing | None) -> dict[str, Any] | None:
    return None if one is None else asdict(one)


def _ceiling(one: CeilingFound) -> dict[str, Any]:
    return {
        "t_s": one.t_s,
        "words": one.words,
        "settings": dict(one.settings),
        "hard": _standing(one.hard),
        "full": _standing(one.full),
        "at_least_chunks_s": one.at_least,
        "runq": one.runq,
        "curve": [asdict(point) for point in one.curve],
        "levers_of_this_session": one.mine,
    }


def _flip(one: FlipFound) -> dict[str, Any]:
    return {
        "lever": one.lever,
        "a": one.a,
        "b": one.b,
        "pairs": one.pairs,
        "seconds": one.seconds,
        "words": one.words or None,
        "finding": one.finding or None,
        "finished": one.finished,
        "t_s": one.t_s,
        "figures": [asdict(row) for row in one.rows],
    }
