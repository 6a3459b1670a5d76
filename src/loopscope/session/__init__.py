"""Owns processes and files. A screen gets a :class:`.source.Source` and cannot tell live from replay."""
