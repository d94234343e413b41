"""wrk: as many requests as it can, and its own account of errors."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass

from .shell import Node


@dataclass
class Report:
    requests: int
    rate: float
    p99_us: float
    # Connections that broke or could not be made, time-outs, and answers other than 2xx or 3xx.
    errors: int


class Wrk:
    def __init__(self, node: Node, target: str, seconds: int, connections: int, new_connections: bool):
        """`new_connections`: one request on each, else as many as fit."""
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency"]
        if new_connections:
            words += ["-H", "Connection: close"]
        self.seconds = seconds
        self.process = node.start(*words, f"http://{target}/", stdout=subprocess.PIPE, text=True)

    def running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> Report:
        """Before its time."""
        self.process.send_signal(signal.SIGINT)
        return self.report()

    def report(self) -> Report:
        text, _ = self.process.communicate(timeout=self.seconds + 30)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        return Report(
            requests=int(found(r"(\d+) requests in", text)),
            rate=float(found(r"Requests/sec:\s+([\d.]+)", text)),
            p99_us=microseconds(found(r"99%\s+([\d.]+\w+)", text)),
            errors=sum(int(count) for match in (errors, refused) if match for count in match.groups()))


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"wrk said: {text}")
    return match.group(1)


def microseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
