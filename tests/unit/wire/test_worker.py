"""Children on the pipe: hello, lines, leash, and every way in which they fail."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from kit.processes import exists, wait_until
from loopscope.core.codec import decode
from loopscope.core.commands import SetLever
from loopscope.core.errors import WorkerError
from loopscope.core.records import Bye, Mark
from loopscope.wire.worker import Worker

_ECHO = """
    import sys, threading
    from loopscope.wire.child import ChildPipe
    from loopscope.core.commands import Quit
    from loopscope.core.records import Bye, Mark
    pipe = ChildPipe(sys.argv[2])
    end = threading.Event()
    def obey(command):
        print("a stray print")
        if isinstance(command, Quit):
            end.set()
        else:
            pipe.send(Mark(t_ns=1, words=command.name))
    pipe.ready("test", info={"a": "b"})
    pipe.listen(obey, end.set)
    end.wait()
    pipe.send(Bye(t_ns=2, proc=pipe.proc))
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a module for a child and give the Worker for it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    workers: list[Worker] = []

    def make(source: str, **callbacks: object) -> Worker:
        (tmp_path / "child_under_test.py").write_text(textwrap.dedent(source))
        worker = Worker("child_under_test", "child-1", on_line=callbacks.pop("on_line", lambda line: None), **callbacks)  # type: ignore[arg-type]
        workers.append(worker)
        worker.start()
        return worker

    yield make
    for worker in workers:
        worker.kill()


def test_hello_lines_and_a_clean_end(child) -> None:
    """A child says hello, answers a command with a record, and ends when asked; its prints do not reach the pipe."""
    lines: list[bytes] = []
    answered = threading.Event()
    codes: list[int] = []
    worker = child(_ECHO, on_line=lambda line: (lines.append(line), answered.set()), on_end=codes.append)
    hello = worker.wait_ready()
    assert (hello.role, hello.info, hello.pid) == ("test", {"a": "b"}, worker.pid)
    worker.send(SetLever(name="hello", value=""))
    assert answered.wait(10)
    worker.stop()
    assert [decode(line) for line in lines] == [Mark(t_ns=1, words="hello"), Bye(t_ns=2, proc="child-1")]
    assert codes == [0]
    assert "stray" in worker.last_words()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys; sys.exit('cannot load the thing')", "ended before it was ready: cannot load the thing"),
        ("print('not a record')", "not a record"),
        ('import sys; sys.stdout.write(\'{"k":"bye","t_ns":1}\\n\')', "first line is no hello"),
    ],
)
def test_a_child_that_does_not_come_up_is_told_with_its_last_words(child, source: str, words: str) -> None:
    """A broken start raises one error that carries what the child said."""
    worker = child(source)
    with pytest.raises(WorkerError, match=words):
        worker.wait_ready()
    assert not worker.alive()


def test_a_child_that_keeps_silent_is_ended_at_the_deadline(child) -> None:
    """No hello within the deadline: the child is killed and the error says for how long it was waited."""
    worker = child("import threading; threading.Event().wait()")
    with pytest.raises(WorkerError, match=r"not ready after 0\.3 s"):
        worker.wait_ready(0.3)
    assert not worker.alive()


def test_a_child_that_does_not_end_is_killed(child) -> None:
    """A child that ignores the command to end is killed after the deadline."""
    worker = child(_ECHO.replace("end.wait()\n", "end.wait()\n    threading.Event().wait()\n"))
    worker.wait_ready()
    worker.stop(0.3)
    assert not worker.alive()


def test_a_killed_child_is_noticed(child) -> None:
    """A child that dies by a signal is told with that signal."""
    codes: list[int] = []
    ended = threading.Event()
    worker = child(_ECHO, on_end=lambda code: (codes.append(code), ended.set()))
    worker.wait_ready()
    os.kill(worker.pid, signal.SIGKILL)
    assert ended.wait(10)
    assert codes == [-signal.SIGKILL]
    worker.send(SetLever(name="x", value=""))  # to nobody: no error


def test_the_pipe_to_a_child_that_died_by_itself_is_closed(child) -> None:
    """Nobody stops it any more, and a session may lose many."""
    ended = threading.Event()
    worker = child(_ECHO, on_end=lambda code: ended.set())
    worker.wait_ready(10)
    os.kill(worker.pid, signal.SIGKILL)
    assert ended.wait(10)
    assert worker._process.stdin.closed


def test_no_child_outlives_a_killed_session(tmp_path: Path) -> None:
    """After kill -9 of the session, a child that hangs in its own work is gone within two seconds."""
    (tmp_path / "hanging.py").write_text(textwrap.dedent(_ECHO.replace("end.wait()", "threading.Event().wait()")))
    session = tmp_path / "session_under_test.py"
    session.write_text(
        textwrap.dedent(
            """
            import sys, threading
            from loopscope.wire.worker import Worker
            worker = Worker("hanging", "child-1", on_line=print)
            worker.start()
            worker.wait_ready()
            print(worker.pid, flush=True)
            threading.Event().wait()
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(session)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
        process.kill()
        process.wait()
    assert wait_until(lambda: not exists(pid), timeout_s=2)


def test_lines_that_follow_the_hello_wait_for_it_to_be_passed_on(child) -> None:
    """A pulse may be read long before the session has opened its trace: the hello goes first all the same."""
    lines: list[bytes] = []
    ended = threading.Event()
    worker = child(
        """
        import sys
        from loopscope.core.records import Bye, Mark
        from loopscope.wire.child import ChildPipe
        pipe = ChildPipe(sys.argv[2])
        pipe.ready("test", info={})
        pipe.send(Mark(t_ns=1, words="early"))
        pipe.send(Bye(t_ns=2, proc=pipe.proc))
        """,
        on_line=lines.append,
        on_end=lambda code: ended.set(),
        hold=True,
    )
    worker.wait_ready()
    assert ended.wait(10)
    assert lines == []
    worker.admit()
    worker.admit()
    assert [type(decode(line)).__name__ for line in lines] == ["Hello", "Mark", "Bye"]
