"""The emulator's page says what the emulator does."""

import argparse
import re
from pathlib import Path

from loopscope.emulator.faults import FAULTS
from loopscope.emulator.options import configure
from loopscope.emulator.routes import NOT_EMULATED, ROUTES

PAGE = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text("utf-8")


def test_every_fault_is_described_and_no_other() -> None:
    """The table lists just the faults that there are."""
    table = PAGE.partition("## What it does wrong")[2]
    rows = re.findall(r"^\| (`.+?`) \|", table, flags=re.MULTILINE)
    assert {name.strip("` ") for row in rows for name in row.split(",")} == set(FAULTS)


def test_every_route_and_every_option_of_the_page_exists() -> None:
    """Paths and options are spelled as the program has them."""
    parser = argparse.ArgumentParser()
    configure(parser)
    options = {word for action in parser._actions for word in action.option_strings}
    assert set(re.findall(r"--[a-z][-a-z]+", PAGE)) <= options
    paths = set(re.findall(r"(?<!\w)/(?:(?:api|v1|emulator)/[a-z/:]+|health)", PAGE))
    unanswered = set(NOT_EMULATED)
    assert paths == ROUTES.keys() - {"/"} | unanswered
    assert unanswered <= set(re.findall(r"/api/[a-z]+", PAGE.partition("## What is not")[2].partition("501")[0]))
