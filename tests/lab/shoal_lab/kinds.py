"""Real servers from Debian, of the kinds that checks know, and tables of what the checks must say of them."""

from __future__ import annotations

import copy
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .configuration import Service, Settings
from .director import Director
from .hostile import start_hostile
from .shell import Node, end, kill, wait_for
from .topology import Lab

PATIENCE = 120
INTERVAL = "1s"


class RealServer:
    """A program on one node, by a command that stays in the foreground, with all its children."""

    def __init__(self, node: Node, directory: Path, ports: list[str], *command: str | Path):
        """`ports` as ss writes them, behind the address: "tcp:25", "udp:53"."""
        self.node = node
        self.name = f"the server at {' '.join(ports)}"
        self.log = directory / f"{'-'.join(ports).replace(':', '-')}.log"
        self.ports = ports
        self.command = command
        self.process: subprocess.Popen | None = None

    def start(self) -> "RealServer":
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
        with self.log.open("a") as log:
            self.process = self.node.start(*self.command, stdout=log, stderr=log, env=environment)
        try:
            wait_for(f"{self.name} listens", self.is_ready, PATIENCE)
        except TimeoutError as problem:
            raise TimeoutError(f"{problem}\n{self.log.read_text(errors='replace')[-4000:]}") from problem
        return self

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise TimeoutError(f"{self.name} ended with {self.process.returncode}")
        return all(map(self.listens, self.ports))

    def listens(self, port: str) -> bool:
        protocol, number = port.split(":")
        return bool(self.node.run("ss", "-Hnl", f"--{protocol}", f"sport = {number}").strip())

    def freeze(self) -> None:
        for pid in self.pids():
            kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.pids():
            kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """As a crash does it. Stopped first: none shall start another meanwhile."""
        self.freeze()
        for pid in reversed(self.pids()):
            kill(pid, signal.SIGKILL)
        end(self.process, signal.SIGKILL)
        wait_for(f"{self.name} is gone", lambda: not any(map(self.listens, self.ports)), PATIENCE)

    def pids(self) -> list[int]:
        """Parents first."""
        found = [self.process.pid]
        for pid in found:
            found += children_of(pid)
        return found


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()]
    except OSError:
        return []


NUMBERS = itertools.count(20_000)


@dataclass
class Asked:
    """A check of its own, and what it must say."""
    kind: str
    port: int
    health: str = "up"
    # A regular expression that matches in what `shoal health` gives as the reason.
    reason: str = ""
    # Further settings of the monitor.
    settings: dict[str, object] = field(default_factory=dict)
    web: str = "web-1"
    note: str = ""
    # Of the check, and its timeout.
    interval: str = INTERVAL

    def __post_init__(self) -> None:
        self.name = f"{self.kind}-{self.port}-{self.web}-{next(NUMBERS)}{'-' if self.note else ''}{self.note}"

    def service(self) -> Service:
        monitor = {"type": self.kind, "port": self.port, "interval": self.interval, "timeout": self.interval, **self.settings}
        # What it serves is of no matter here; the virtual server's ports differ.
        return Service(name=self.name, port=next(NUMBERS), weights={self.web: 1}, service_timeout=self.interval, reentry_time="0s",
                       protocol=monitor.pop("protocol", "tcp"), monitor=monitor)


def wait_for_health(director: Director, table: list[Asked]) -> None:
    """Until `shoal health` has said this of each. On a busy machine single checks may fail otherwise."""
    missed = {asked.name: asked for asked in table}
    seen: dict[str, dict] = {}

    def all_said() -> bool:
        seen.update({target["virtual_server"]: target for target in report(director)})
        for name, asked in list(missed.items()):
            if is_so(asked, seen[name]):
                del missed[name]
        return not missed
    try:
        wait_for("the checks say what they should", all_said, PATIENCE, pause=0.1)
    except TimeoutError as problem:
        raise AssertionError("\n".join(f"{name} is not {asked.health} {asked.reason!r}: {seen[name]}"
                                       for name, asked in missed.items())) from problem


def report(director: Director) -> list[dict]:
    return json.loads(director.shoal("health", "--json"))["targets"]


def is_so(asked: Asked, target: dict) -> bool:
    return target["health"] == asked.health and re.search(asked.reason, target["reason"]) is not None


def check(director: Director, table: list[Asked]) -> None:
    director.apply(Settings(services=[asked.service() for asked in table]))
    wait_for_health(director, table)


def says(asked: Asked, health: str, reason: str) -> Asked:
    """The same check, of which something else is expected."""
    other = copy.copy(asked)
    other.health, other.reason = health, reason
    return other


def check_going_and_coming(director: Director, servers: list[RealServer], table: list[Asked]) -> None:
    """All servers of a table whose checks are all up fall silent, go on, are killed and begin anew."""
    check(director, table)
    # Whether a port is open, and an echo, the kernel answers.
    talking = [asked for asked in table if asked.kind != "icmp" and asked.settings.get("expect", asked.kind) != "text"]
    for server in servers:
        server.freeze()
    wait_for_health(director, [says(asked, "down", f"within 1 s") for asked in talking])
    for server in servers:
        server.thaw()
    wait_for_health(director, table)
    for server in servers:
        server.kill()
    wait_for_health(director, [says(asked, "down", "connection refused") for asked in table if asked.kind != "icmp"])
    for server in servers:
        server.start()
    wait_for_health(director, table)


def check_now(director: Director, asked: Asked) -> tuple[int, list[str]]:
    """The exit status of `shoal check-now`, and its lines without their times."""
    done = subprocess.run(director.command("check-now", asked.name, asked.web), capture_output=True, text=True, timeout=60)
    return done.returncode, [line.split(" ms  ", 1)[1] for line in done.stdout.splitlines()]


def dripping(table: list[Asked]) -> list[Asked]:
    """What is asked by TCP at web-1, asked at web-2."""
    return [Asked(asked.kind, asked.port, settings=asked.settings, web="web-2", note=asked.note, interval="20s")
            for asked in table if asked.settings.get("protocol") != "udp" and asked.kind != "icmp"]


def start_dripping(lab: Lab, table: list[Asked]) -> None:
    """On web-2, where the ports of the table then say the same as web-1's, byte by byte."""
    address = lab.web_address("web-1")
    ports = dict.fromkeys(asked.port for asked in table)
    start_hostile(lab.node("web-2"), lab.directory, [{"port": port, "act": "dripping", "address": address} for port in ports])


def module(name: str, *words: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", name, *words]
