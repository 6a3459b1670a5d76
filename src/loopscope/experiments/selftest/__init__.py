"""The bench of planted causes: short sessions with a known cause in them, and what must come back of it.

Used by ``loopscope doctor --selftest`` and by the tests. Of every case is asked: the finding that was planted fires, by
its name; no other one does but those that are true beside it; the sizes are those that were planted.
"""

from loopscope.experiments.selftest.case import Case, Evidence, Size, judge
from loopscope.experiments.selftest.cases import CASES
from loopscope.experiments.selftest.run import Result, run_case

__all__ = ["CASES", "Case", "Evidence", "Result", "Size", "judge", "run_case"]
