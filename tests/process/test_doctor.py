"""``loopscope doctor`` tells what is there and what is not, and leaves nothing behind."""

import json

import pytest

from kit.processes import run
from loopscope.settings.levers.loop import loops_here


def test_doctor_tells_what_can_be_measured() -> None:
    """Exit 0, one object: every loop with its signals and floors, power, servers, clock, terminal, versions."""
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    by_group: dict[str, dict[str, dict[str, object]]] = {}
    for check in told["checks"]:
        assert check["words"], check
        by_group.setdefault(check["group"], {})[check["name"]] = check
    assert {"power", "servers", "clock", "terminal", "versions", *loops_here()} <= set(by_group)
    for loop in loops_here():
        assert by_group[loop]["loop"]["ok"]
        assert {"loop utilisation", "lag", "blocking frames", "socket backlog"} <= set(by_group[loop])
    # Without a terminal there is no live screen, and that is said.
    assert "no terminal" in str(by_group["terminal"]["live screen"]["words"])
    assert told["absent"] == [check["name"] for check in told["checks"] if not check["ok"]]
    assert "\n" in done.stderr


def test_doctor_for_people_is_a_table() -> None:
    """The same as lines that begin with their group, once; what is absent has a dash and a reason."""
    done = run("doctor")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("versions") for line in lines) == 1
    live = next(line for line in lines if "live screen" in line)
    assert " –  " in live
    assert "no terminal" in live


@pytest.mark.timing
def test_the_self_test_tells_sizes_verdicts_and_who_else_was_there() -> None:
    """The idle case on each loop as one object; the exit code is its verdict; progress says how long it will take."""
    done = run("doctor", "--selftest", "--cause", "idle", "--json")
    told = json.loads(done.stdout)
    assert [(case["name"], case["loop"]) for case in told["cases"]] == [("idle", loop) for loop in loops_here()]
    assert done.returncode == (0 if told["ok"] else 1)
    assert told["ok"] is all(case["verdict"] == "ok" for case in told["cases"])
    for case in told["cases"]:
        assert case["verdict"] in ("ok", "miss", "noisy")
        assert bool(case["wrong"]) is (case["verdict"] != "ok")
        assert {"elu", "tok_s", "true_tok_s"} <= set(case["sizes"])
        assert case["others"] is None or case["others"] >= 0
    assert "2 sessions, about 1 min" in done.stderr


def test_a_cause_that_there_is_not_is_a_sentence() -> None:
    """Exit 2 with those that there are; without the self-test there are none."""
    done = run("doctor", "--selftest", "--cause", "gremlins")
    assert done.returncode == 2
    assert "there is no cause 'gremlins'; causes: idle, own CPU 25 %" in done.stderr
    assert run("doctor", "--cause", "idle").returncode == 2
