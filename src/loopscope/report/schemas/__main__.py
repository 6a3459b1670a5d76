"""Write the schemas anew: ``python -m loopscope.report.schemas``."""

from pathlib import Path

from loopscope.report.schemas import KINDS, generated

for name in KINDS:
    (Path(__file__).parent / f"{name}.json").write_text(generated(name), "utf-8")
