import threading
import time
from types import SimpleNamespace

import pytest

from loopscope.core.errors import InputError, LoopscopeError
from loopscope.session.procedure import Procedure
from loopscope.session.procedure_runner import Handle, Runner


@pytest.fixture
def planted():
    """A procedure whose ``work`` the test sets."""
    return SimpleNamespace(work=None)


def procedure(planted) -> Procedure:
    return Procedure("planted", "Planted", "", lambda *asked: planted.work(*asked), about_s=1.0, args={"a": ""})


def ended(runner: Runner):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        view = runner.view()
        if view is not None and not view.running:
            return view
        time.sleep(0.005)
    raise AssertionError("the procedure did not end")


def test_a_procedure_gives_its_result(planted):
    planted.work = lambda host, task, args: (host, args["a"])
    runner = Runner("the host")
    assert runner.view() is None
    runner.run(procedure(planted), {"a": "1"})
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

    planted.work = work
    runner = Runner(None)
    runner.run(procedure(planted), {})
    assert begun.wait(10)
    view = runner.view()
    assert (view.running, view.done, view.words) == (True, 0.25, "working")
    with pytest.raises(InputError, match="Planted is running"):
        runner.run(procedure(planted), {})
    runner.cancel()
    view = ended(runner)
    assert (view.problem, view.result) == ("cancelled", None)
    runner.run(procedure(planted), {})  # another may follow
    runner.close()
    assert ended(runner).problem == "cancelled"
    with pytest.raises(InputError, match="has ended"):
        runner.run(procedure(planted), {})


def test_what_a_procedure_raises_is_one_sentence(planted):
    def fail(host, task, args):
        raise LoopscopeError("the emulator\nis gone")

    planted.work = fail
    runner = Runner(None)
    runner.run(procedure(planted), {})
    assert ended(runner).problem.startswith("the emulator")
    assert "\n" not in ended(runner).problem
    planted.work = lambda host, task, args: 1 / 0
    runner.run(procedure(planted), {})
    assert "our own fault: ZeroDivisionError" in ended(runner).problem


def test_unknown_arguments_name_the_known_ones(planted):
    with pytest.raises(InputError, match="takes no 'b'; it takes: a"):
        Runner(None).run(procedure(planted), {"b": "1"})


def test_progress_never_goes_back():
    told = []
    handle = Handle(lambda done, words: told.append((done, words)))
    handle.progress(0.5, "one")
    handle.progress(0.4, "two")
    handle.progress(7.0, "three")
    assert told == [(0.5, "one"), (0.5, "two"), (1.0, "three")]
