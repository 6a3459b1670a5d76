"""Coroutines run on both loops."""

from kit.loops import on_loop

__all__ = ["on_loop"]
