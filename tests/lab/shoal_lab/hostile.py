"""A server that behaves badly: for each port, what it does with those who connect.

    python3 -m shoal_lab.hostile FILE

The file is a JSON list of objects with `port`, `act` (one of ACTS), and what that needs: `says` and `more` in
hexadecimal; `address`, whose same port is passed on; `certificate` and `key`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import ssl
import struct
import sys
from pathlib import Path

from .shell import Node, wait_for
from .topology import allow_many_files

PAUSE = 0.0002
# So many bytes have a pause behind them; on a busy machine each of those takes long.
PAUSES = 100


async def silent(reader, writer, what: dict) -> None:
    """Takes everything, and says nothing."""
    while await reader.read(65536):
        pass


async def closing(reader, writer, what: dict) -> None:
    """Hangs up at once."""


async def resetting(reader, writer, what: dict) -> None:
    reset(writer)


async def reset_when_asked(reader, writer, what: dict) -> None:
    await reader.read(65536)
    reset(writer)


def reset(writer) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def saying(reader, writer, what: dict) -> None:
    """One answer, whatever was asked."""
    writer.write(bytes.fromhex(what["says"]))
    await silent(reader, writer, what)


async def halting(reader, writer, what: dict) -> None:
    """Begins well, byte by byte, and never ends."""
    for byte in bytes.fromhex(what["says"]):
        writer.write(bytes([byte]))
        await asyncio.sleep(PAUSE)
    await silent(reader, writer, what)


async def endless(reader, writer, what: dict) -> None:
    """Begins well, and goes on for ever."""
    writer.write(bytes.fromhex(what["says"]))
    more = bytes.fromhex(what["more"])
    more *= 1 + 4096 // len(more)
    while True:
        writer.write(more)
        await writer.drain()


async def dripping(reader, writer, what: dict) -> None:
    """Passes on what a good server says, each byte by itself."""
    good, there = await asyncio.open_connection(what["address"], what["port"])

    async def questions() -> None:
        while question := await reader.read(65536):
            there.write(question)
        there.write_eof()

    asking = asyncio.create_task(questions())
    pauses = itertools.chain(itertools.repeat(PAUSE, PAUSES), itertools.repeat(0))
    try:
        while piece := await good.read(65536):
            for byte in piece:
                writer.write(bytes([byte]))
                await asyncio.sleep(next(pauses))
    finally:
        asking.cancel()
        there.close()


ACTS = {act.__name__: act for act in (silent, closing, resetting, reset_when_asked, saying, halting, endless, dripping)}


async def serve(what: dict) -> None:
    context = None
    if "certificate" in what:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(what["certificate"], what["key"])

    async def one(reader, writer) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            await ACTS[what["act"]](reader, writer, what)
        writer.close()

    await asyncio.start_server(one, "0.0.0.0", what["port"], ssl=context, backlog=256)


async def serve_all(file: Path) -> None:
    for what in json.loads(file.read_text()):
        await serve(what)
    await asyncio.Event().wait()


def start_hostile(node: Node, directory: Path, ports: list[dict]) -> None:
    """It ends with the lab."""
    file = directory / f"{node.name}-hostile.json"
    file.write_text(json.dumps(ports))
    with (directory / f"{node.name}-hostile.log").open("w") as log:
        node.start(sys.executable, "-m", "shoal_lab.hostile", file, stderr=log,
                   env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"})

    def ready() -> bool:
        listening = node.run("ss", "-Htln").split()
        return all(f"0.0.0.0:{port['port']}" in listening for port in ports)
    wait_for(f"the hostile servers of {node.name}", ready, 60)


if __name__ == "__main__":
    allow_many_files()
    asyncio.run(serve_all(Path(sys.argv[1])))
