"""A program as people write it: more streams at a time than its HTTP client has connections. Run by the self-test."""

import asyncio
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


async def stream(client: "httpx.AsyncClient", url: str) -> None:
    """Stream one answer after the other."""
    body = {"model": "gemma3", "prompt": "Why?", "options": {"num_predict": 1000}}
    while True:
        async with client.stream("POST", f"{url}/api/generate", json=body) as response:
            async for _ in response.aiter_lines():
                pass


async def main(url: str, streams: int) -> None:
    """Begin all of them, with httpx's own limits."""
    import httpx  # a session that only looks this module's path up does without it

    async with httpx.AsyncClient(timeout=None) as client:  # noqa: S113 - the wait is what is planted
        await asyncio.gather(*(stream(client, url) for _ in range(streams)))


if __name__ == "__main__":
    url, loop, streams = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(url, int(streams)))
    else:
        asyncio.run(main(url, int(streams)))
