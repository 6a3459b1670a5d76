"""A trace in the formats of other tools. Each exporter takes records one by one and keeps no chunk.

A format is one module of this package, see :class:`~loopscope.trace.exports.export.Export`. What each file holds,
column by column: docs/exports.md.
"""

from loopscope.core.registry import Registry
from loopscope.trace.exports.export import Export

EXPORTS: Registry[Export] = Registry(__name__, "EXPORT")
"""Every format by its name."""
