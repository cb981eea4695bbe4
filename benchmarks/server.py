"""A model server on loopback: ``python -m benchmarks.server COUNT`` prints its URL."""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web

from tests import wire


def sent_events(count: int) -> list[bytes]:
    """Return a message of that many events, each as it is sent."""
    around = len(wire.text()) + 1
    events = [*wire.text(*["Hello "] * (count - around)), wire.completed()]
    return [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]


async def main(count: int) -> None:
    chunks = sent_events(count)

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    print(f"http://{host}:{port}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
