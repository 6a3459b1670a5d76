"""Two agents with httpx on asyncio: each streams from a server of its own, a few requests one after another.

loopscope run examples/two_servers.py http://127.0.0.1:11434 http://127.0.0.1:11435 --model gemma3
"""

import argparse
import asyncio
import json

import httpx


async def agent(client: httpx.AsyncClient, url: str, args: argparse.Namespace) -> int:
    """Stream ``args.requests`` answers from one server; give the number of tokens that came."""
    tokens = 0
    body = {"model": args.model, "prompt": "Why is the sky blue?", "options": {"num_predict": args.tokens}}
    for _ in range(args.requests):
        async with client.stream("POST", f"{url}/api/generate", json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                message = json.loads(line)
                if message.get("done"):
                    tokens += message.get("eval_count", 0)
    return tokens


async def main() -> None:
    """Run one agent for each URL at the same time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("--model", default="gemma3")
    parser.add_argument("--requests", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=100)
    args = parser.parse_args()
    async with httpx.AsyncClient(timeout=60) as client:
        counts = await asyncio.gather(*(agent(client, url, args) for url in args.urls))
    for url, count in zip(args.urls, counts, strict=True):
        print(f"{url}: {count} tokens")


if __name__ == "__main__":
    asyncio.run(main())
