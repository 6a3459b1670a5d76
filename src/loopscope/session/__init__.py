"""Owns processes and files. A screen gets a :class:`~loopscope.session.source.Source` and cannot tell live from replay."""
