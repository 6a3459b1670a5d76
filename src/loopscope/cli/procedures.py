"""A procedure in a session without a screen: its progress on a bar, its result, an end in order.

Apart from headless, which each verb loads: this costs a tenth of a second of imports that ``--help`` need not wait for.
"""

import time

from loopscope.cli import headless
from loopscope.cli.bar import bar
from loopscope.experiments.registry import of_name
from loopscope.session.running import RunningSource

_LOOK_S = 0.1


def run_with_bar(source: RunningSource, name: str, asked: dict[str, str]) -> tuple[object, str]:
    """Start a source, run a procedure in it with a bar, end it; give the result, and why there is none.

    The problem is ``"cancelled"`` after Ctrl-C. Where there is no terminal, each new step is a line. Raises
    LoopscopeError when the session cannot come up.
    """
    with bar() as progress, headless.interruptible() as asked_to_end:
        shown, said = progress.add_task("starting", total=1.0), ""
        try:
            source.start()
            source.run(of_name(name), **asked)
            while (view := source.procedure()) is not None and view.running:
                progress.update(shown, completed=view.done, description=view.words)
                if not progress.console.is_terminal and view.words != said:
                    said = view.words
                    headless.say(f"loopscope: {said}")
                if asked_to_end.is_set():
                    source.cancel()
                time.sleep(_LOOK_S)
        finally:
            source.stop()
    return (None, "it did not start") if view is None else (view.result, view.problem)
