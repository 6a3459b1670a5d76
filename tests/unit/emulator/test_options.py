"""What an emulator may be told."""

import argparse
from pathlib import Path

import pytest

from loopscope.core.errors import InputError
from loopscope.emulator.options import Options, configure, options_of


def options(*words: str) -> Options:
    """Options from a command line."""
    parser = argparse.ArgumentParser()
    configure(parser)
    return options_of(parser.parse_args(words))


def test_defaults_are_ollamas_where_it_has_any() -> None:
    """Its port, one slot, five minutes, 512 waiters, this machine only."""
    one = options()
    assert (one.host, one.port, one.parallel, one.keep_alive_ns, one.max_queue) == (
        "127.0.0.1",
        11434,
        1,
        300 * 10**9,
        512,
    )
    assert one.models == ("gemma3",)
    assert one.rate is None
    assert one.faults == ()


def test_everything_given_arrives() -> None:
    """Each option ends up in its member."""
    one = options(
        "--port",
        "0",
        "--model",
        "a",
        "--model",
        "b",
        "--rate",
        "0",
        "--timing",
        "constant",
        "--parallel",
        "0",
        "--gpu",
        "x/y",
        "--share-factor",
        "2.7",
        "--fault",
        "stall",
        "--fault",
        "500:times=2",
        "--keep-alive",
        "-1",
    )
    assert (one.port, one.models, one.rate, one.parallel) == (0, ("a", "b"), 0.0, 0)
    assert (one.gpu, one.share_factor, one.faults) == (Path("x/y"), 2.7, ("stall", "500:times=2"))
    assert one.keep_alive_ns < 0


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "65536"],
        ["--port", "-1"],
        ["--rate", "-1"],
        ["--rate", "nan"],
        ["--rate", "inf"],
        ["--parallel", "-1"],
        ["--tokens", "0"],
        ["--share-factor", "0"],
        ["--prefill-rate", "-5"],
        ["--power-busy", "5", "--power-idle", "10"],
        ["--model", ""],
        ["--model", "a\x1b[31m"],
        ["--load-ms", "1e99"],
        ["--rate", "0", "--timing", "lognormal"],
        ["--timing", "x"],
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    """One sentence that names the option, and exit code 2."""
    with pytest.raises(InputError) as raised:
        options(*words)
    assert raised.value.exit_code == 2
    assert words[-2] in str(raised.value) or words[0] in str(raised.value) or "timing" in str(raised.value)
    assert "\x1b" not in str(raised.value)
