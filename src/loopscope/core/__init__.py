"""Plain data that every part speaks: records and their codec, clocks, errors."""
