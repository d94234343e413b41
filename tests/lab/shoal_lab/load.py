"""A client that accounts for every request: run as a program in the client's namespace.

Each line it prints is one JSON object with the sums so far; the last one says `"final": true`.
Times are CLOCK_MONOTONIC seconds, the same in every namespace.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .shell import Node, end, wait_for

KEPT_FAILURES = 10_000


@dataclass
class Tally:
    requests: int = 0
    failed: int = 0
    # Connections that ended although the client did not end them.
    broken: int = 0
    connections: int = 0
    servers: Counter = field(default_factory=Counter)
    # Start and end of each failed request, and why.
    failures: list[dict] = field(default_factory=list)

    def fail(self, start: float, kind: str, error: BaseException) -> None:
        self.failed += 1
        if len(self.failures) < KEPT_FAILURES:
            why = f"{kind}: {type(error).__name__} {error}".strip()
            self.failures.append({"start": start, "end": time.monotonic(), "why": why})


class Load:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.tally = Tally()
        self.stopping = asyncio.Event()

    async def open(self):
        connection = asyncio.open_connection(self.options.host, self.options.port)
        reader, writer = await asyncio.wait_for(connection, self.options.timeout)
        self.tally.connections += 1
        return reader, writer

    async def exchange(self, reader, writer, last: bool) -> None:
        ending = b"Connection: close\r\n" if last else b""
        writer.write(b"GET /whoami HTTP/1.1\r\nHost: lab\r\n" + ending + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ValueError(head.split(b"\r\n")[0].decode(errors="replace"))
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.tally.requests += 1
        self.tally.servers[body.decode()] += 1

    async def new_connections(self) -> None:
        """One request for each connection."""
        while not self.finished():
            start, writer = time.monotonic(), None
            try:
                reader, writer = await self.open()
                await asyncio.wait_for(self.exchange(reader, writer, last=True), self.options.timeout)
                if await asyncio.wait_for(reader.read(1), self.options.timeout):
                    raise ValueError("bytes after the answer")
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                self.tally.fail(start, "new connection", error)
            finally:
                close(writer)
            await self.pause()

    async def keep_alive(self) -> None:
        """Many requests on one connection; a new connection only where the old one broke."""
        reader = writer = None
        while not self.finished():
            start = time.monotonic()
            try:
                if writer is None:
                    reader, writer = await self.open()
                await asyncio.wait_for(self.exchange(reader, writer, last=False), self.options.timeout)
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                self.tally.fail(start, "keep-alive", error)
                if writer is not None:
                    self.tally.broken += 1
                close(writer)
                writer = None
            await self.pause()
        close(writer)

    def finished(self) -> bool:
        return self.stopping.is_set() or self.tally.requests >= self.options.count

    async def pause(self) -> None:
        if self.options.pause > 0:
            await asyncio.sleep(self.options.pause)

    def report(self, final: bool = False) -> None:
        print(json.dumps({**vars(self.tally), "time": time.monotonic(), "final": final}), flush=True)

    async def reports(self) -> None:
        while True:
            await asyncio.sleep(self.options.report)
            self.report()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stopping.set)
        loop.call_later(self.options.seconds, self.stopping.set)
        reports = asyncio.create_task(self.reports())
        workers = [self.new_connections() for _ in range(self.options.new)]
        workers += [self.keep_alive() for _ in range(self.options.keep_alive)]
        await asyncio.gather(*workers)
        reports.cancel()
        self.report(final=True)


def close(writer) -> None:
    if writer is not None:
        writer.close()


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="shoal_lab.load")
    parser.add_argument("host")
    parser.add_argument("port", type=int, nargs="?", default=80)
    parser.add_argument("--new", type=int, default=0, help="workers that open a connection for each request")
    parser.add_argument("--keep-alive", type=int, default=0, help="workers that keep their connection")
    parser.add_argument("--pause", type=float, default=0, help="seconds after each request of a worker")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=10**9, help="requests after which it ends")
    parser.add_argument("--timeout", type=float, default=5, help="seconds for a connection, and for an answer")
    parser.add_argument("--report", type=float, default=0.5)
    return parser.parse_args(arguments)


class LoadProcess:
    """The program above, running in a node; `now` is its last report."""

    def __init__(self, node: Node, host: str, **settings: object):
        words = [host, str(settings.pop("port", 80))]
        for key, value in settings.items():
            words += [f"--{key.replace('_', '-')}", str(value)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        self.process = node.start(sys.executable, "-m", "shoal_lab.load", *words, stdout=subprocess.PIPE,
                                  text=True, env=environment)
        self.now: dict = {"requests": 0, "failed": 0, "broken": 0, "connections": 0, "servers": {},
                          "failures": [], "time": time.monotonic(), "final": False}
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.now = json.loads(line)

    def wait_for_requests(self, count: int, timeout: float = 20) -> None:
        wait_for(f"{count} requests", lambda: self.now["requests"] >= count, timeout)

    def result(self, timeout: float = 120) -> dict:
        """Waits for the end that the settings gave."""
        self.process.wait(timeout)
        self.reader.join(10)
        if not self.now["final"]:
            raise RuntimeError("the load generator ended without its last report")
        return self.now

    def stop(self) -> dict:
        end(self.process, signal.SIGTERM, 30)
        return self.result()


def sequential(node: Node, host: str, count: int, port: int = 80) -> dict[str, int]:
    """One connection after the other, one request each: how many each server answered."""
    result = LoadProcess(node, host, port=port, new=1, count=count, seconds=60).result()
    if result["failed"]:
        raise RuntimeError(f"{result['failed']} of {count} requests failed: {result['failures'][:3]}")
    return result["servers"]


if __name__ == "__main__":
    asyncio.run(Load(options()).run())
