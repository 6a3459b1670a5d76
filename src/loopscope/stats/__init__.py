"""Arithmetic on numbers: histograms, rolling windows, time lines. It knows no record and no unit but nanoseconds."""
