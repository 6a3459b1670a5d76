"""``loopscope doctor`` tells what is there and what is not, and leaves nothing behind."""

import json

import pytest

from kit.processes import run
from loopscope.settings.levers import loops_here

pytestmark = pytest.mark.timeout(90)


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
    assert " -  " in live
    assert "no terminal" in live
