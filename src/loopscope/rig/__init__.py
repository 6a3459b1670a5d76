"""The measured process: agents, clients, loops and probes. Started with ``python -m loopscope.rig``.

It imports almost nothing, and its loop never waits for the session: samples are appended to bounded lists, a thread of
its own encodes and sends them.
"""
