"""The procedures by name, for who asks by name: the screen's keys, the command line, a sweep."""

from loopscope.core.errors import InputError
from loopscope.experiments import ab, calibration, ramp, rounds
from loopscope.session.procedure import Procedure

PROCEDURES: dict[str, Procedure] = {
    procedure.name: procedure for procedure in (calibration.PROCEDURE, ramp.PROCEDURE, rounds.PROCEDURE, ab.PROCEDURE)
}


def of_name(name: str) -> Procedure:
    """Return a procedure. Raises InputError: there is none of that name."""
    found = PROCEDURES.get(name)
    if found is None:
        raise InputError(f"there is no procedure {name!r}; procedures: {', '.join(PROCEDURES)}")
    return found
