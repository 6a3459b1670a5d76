"""The few errors that may reach an operator. Each text is one sentence: what happened, why, what to do."""


class LoopscopeError(Exception):
    """Base of every error that we raise on purpose; ``exit_code`` is what the command ends with."""

    exit_code = 1


class InputError(LoopscopeError):
    """What the operator gave us cannot be used: a flag, a lever value, a path, a URL."""

    exit_code = 2


class RefusedError(InputError):
    """A lever has such a value, but not with these servers, or with how the other levers stand."""


class TraceError(LoopscopeError):
    """A trace file cannot be read or written. The only error that the trace reader raises."""

    exit_code = 2


class WorkerError(LoopscopeError):
    """A child process did not start in time, broke off, or said something that is no record."""
