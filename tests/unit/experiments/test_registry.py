"""Procedures are found by their names."""

import pytest

from loopscope.core.errors import InputError
from loopscope.experiments.registry import PROCEDURES, of_name


def test_every_procedure_is_found_by_its_name() -> None:
    assert {name: of_name(name).name for name in PROCEDURES} == {name: name for name in PROCEDURES}


def test_an_unknown_procedure_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="calibration, ramp"):
        of_name("nothing")
