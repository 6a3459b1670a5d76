"""A trace in the formats of other tools. Each exporter takes records one by one and keeps no chunk.

What each file holds, column by column: docs/exports.md.
"""
