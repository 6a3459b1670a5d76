"""What ``loopscope run`` puts into a program of one's own: hooks in its event loops and in its HTTP clients.

The process of the program is a measured process like the rig and imports as little. Hooks stand where a loop runs and
where httpx or aiohttp move bytes; they write down times and bytes, and a thread of ours makes records of them, the same
as the rig's. No text of a request or response, no header, no query is kept.
"""
