"""The figures about the published "86 % Python ceiling" that docs/ceiling.md quotes, from the 60 published runs.

python benchmarks/published.py   (no measuring, under a second; ``loopscope audit tr116`` says the same in sentences)
"""

import csv
import sys
from pathlib import Path

import numpy as np

ROWS = Path(__file__).resolve().parents[1] / "recordings" / "published" / "tr116.csv"
PAIR_TOKENS, PAIR_S, TOGETHER_TOK_S, ALONE_TOK_S = (386, 622), 12.1, 41.0, 112.0
"""One published pair on gemma3: tokens of its agents, wall time, and decode rates while both ran and once one was alone
(from the published timings of each agent, which are not among the 60 rows)."""


def line(rows: list[dict[str, str]]) -> tuple[float, float, float, float]:
    """Intercept, slope, share of the variance, mean of efficiency against the difference of the agents' throughputs."""
    x = np.array([abs(float(row["throughput_delta_tok_s"])) for row in rows])
    y = np.array([float(row["efficiency_pct"]) for row in rows])
    slope, start = np.polyfit(x, y, 1)
    rest = y - (start + slope * x)
    return float(start), float(slope), float(1 - rest.var() / y.var()), float(y.mean())


def main() -> int:
    """Print them."""
    with ROWS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    print(f"{len(rows)} published runs")
    for runtime, formula in (("python", "reported"), ("rust", "wall")):
        # The first run of a Python configuration loads the model.
        warm = [row for row in rows if row["runtime"] == runtime and (runtime == "rust" or row["run"] != "1")]
        start, slope, share, mean = line(warm)
        print(f"{runtime} ({formula}): {len(warm)} warm runs, mean {mean:.1f} %")
        print(f"  one line {start:.1f} {slope:+.2f} x |throughput delta| explains {share:.0%} of the variance")
        print(
            f"  of {100 - mean:.1f} points lost {start - mean:.1f} go with imbalance, {100 - start:.1f} are beside it"
        )
    alone_s = sum(PAIR_TOKENS) / ALONE_TOK_S
    print(f"one pair, gemma3: {PAIR_TOKENS[0]} + {PAIR_TOKENS[1]} tokens, {ALONE_TOK_S:g} tok/s alone: {alone_s:.1f} s")
    print(f"  together, {TOGETHER_TOK_S:g} tok/s each: {PAIR_S:g} s; speed-up {alone_s / PAIR_S:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
