import threading
import time
import types

import pytest

from loopscope.core.errors import InputError, LoopscopeError
from loopscope.session.procedures import PROCEDURES, Procedure
from loopscope.session.procedures.runner import Handle, Runner


@pytest.fixture
def planted(monkeypatch):
    """A procedure whose ``run`` the test sets."""
    import sys

    module = types.ModuleType("planted_procedure")
    monkeypatch.setitem(sys.modules, "planted_procedure", module)
    monkeypatch.setitem(PROCEDURES, "planted", Procedure("planted", "Planted", "", "planted_procedure", 1.0, {"a": ""}))
    return module


def ended(runner: Runner):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        view = runner.view()
        if view is not None and not view.running:
            return view
        time.sleep(0.005)
    raise AssertionError("the procedure did not end")


def test_a_procedure_gives_its_result(planted):
    planted.run = lambda host, task, args: (host, args["a"])
    runner = Runner("the host")
    assert runner.view() is None
    runner.run("planted", {"a": "1"})
    view = ended(runner)
    assert view.result == ("the host", "1")
    assert view.problem == ""
    assert view.title == "Planted"


def test_only_one_runs_at_a_time_and_it_can_be_cancelled(planted):
    begun = threading.Event()

    def work(host, task, args):
        task.progress(0.25, "working")
        begun.set()
        task.wait(60)

    planted.run = work
    runner = Runner(None)
    runner.run("planted", {})
    assert begun.wait(10)
    view = runner.view()
    assert (view.running, view.done, view.words) == (True, 0.25, "working")
    with pytest.raises(InputError, match="Planted is running"):
        runner.run("planted", {})
    runner.cancel()
    view = ended(runner)
    assert (view.problem, view.result) == ("cancelled", None)
    runner.run("planted", {})  # another may follow
    runner.close()
    assert ended(runner).problem == "cancelled"
    with pytest.raises(InputError, match="has ended"):
        runner.run("planted", {})


def test_what_a_procedure_raises_is_one_sentence(planted):
    def fail(host, task, args):
        raise LoopscopeError("the emulator\nis gone")

    planted.run = fail
    runner = Runner(None)
    runner.run("planted", {})
    assert ended(runner).problem.startswith("the emulator")
    assert "\n" not in ended(runner).problem
    planted.run = lambda host, task, args: 1 / 0
    runner.run("planted", {})
    assert "our own fault: ZeroDivisionError" in ended(runner).problem


def test_unknown_procedures_and_arguments_name_the_known_ones(planted):
    with pytest.raises(InputError, match="calibration, ramp"):
        Runner(None).run("nothing", {})
    with pytest.raises(InputError, match="takes no 'b'; it takes: a"):
        Runner(None).run("planted", {"b": "1"})


def test_progress_never_goes_back():
    told = []
    handle = Handle(lambda done, words: told.append((done, words)))
    handle.progress(0.5, "one")
    handle.progress(0.4, "two")
    handle.progress(7.0, "three")
    assert told == [(0.5, "one"), (0.5, "two"), (1.0, "three")]
