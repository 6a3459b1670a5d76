"""A crowd of agents with aiohttp on uvloop: all stream from one server at the same time.

loopscope run examples/crowd.py http://127.0.0.1:11434 --agents 16
"""

import argparse
import asyncio
import json
import sys

import aiohttp

try:
    from uvloop import run
except ImportError:  # Windows has none
    from asyncio import run


async def agent(session: aiohttp.ClientSession, args: argparse.Namespace) -> int:
    """Stream ``args.requests`` answers; give the number of chunks with text in them."""
    chunks = 0
    messages = [{"role": "user", "content": "Why is the sky blue?"}]
    body = {"model": args.model, "messages": messages, "options": {"num_predict": args.tokens}}
    for _ in range(args.requests):
        async with session.post(f"{args.url}/api/chat", json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                chunks += bool(json.loads(line)["message"]["content"])
    return chunks


async def main() -> int:
    """Run all agents at the same time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--model", default="gemma3")
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--requests", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=100)
    args = parser.parse_args()
    async with aiohttp.ClientSession() as session:
        counts = await asyncio.gather(*(agent(session, args) for _ in range(args.agents)))
    print(f"{sum(counts)} chunks with text in {args.agents * args.requests} answers")
    return 0


if __name__ == "__main__":
    sys.exit(run(main()))
