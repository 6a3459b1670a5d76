"""Draw docs/screenshot.svg: the live screen's own picture of a shipped recording, at 160x48, some seconds in.

    python docs/make_screenshot.py [RECORDING] [--at SECONDS] [--theme NAME] [-o FILE]

Replays at the recorded pace, so it takes as long as it says.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


async def _draw(recording: Path, at_s: float, theme: str) -> str:
    from loopscope.session.replay import ReplaySource
    from loopscope.ui import theming
    from loopscope.ui.app import LoopscopeApp

    source = ReplaySource(recording)
    app = LoopscopeApp(source, theming.load(), theme)
    async with app.run_test(size=(160, 48)) as pilot:
        # A recording that is shorter than that is drawn where it stops: its end.
        while (where := source.playback()) is None or (
            where.position_s < at_s and (where.playing or not app.view.seen)
        ):
            await pilot.pause(0.1)
        await pilot.press("space")
        await pilot.pause(0.5)
        picture = app.export_screenshot(title="loopscope", simplify=True)
    source.stop()
    return picture


def main() -> int:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", nargs="?", type=Path, default=ROOT / "recordings" / "calm-pair.jsonl.zst")
    parser.add_argument("--at", type=float, default=31.0, metavar="SECONDS")
    parser.add_argument("--theme", default="dark", metavar="NAME")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "screenshot.svg", metavar="FILE")
    args = parser.parse_args()
    os.environ["COLORTERM"] = "truecolor"
    args.output.write_text(asyncio.run(_draw(args.recording, args.at, args.theme)), "utf-8")
    print(f"{args.output}: {args.output.stat().st_size / 1024:.0f} KiB")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
