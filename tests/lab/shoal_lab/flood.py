"""A flood of SYNs from random addresses, and real clients that meanwhile make connections."""

from __future__ import annotations

import json
import socket
import subprocess
import time

from .remote import Remote, obey
from .shell import BUILD, Node
from .topology import CLIENT, VIP, Lab

SOURCES = ("198.18.0.0", "15")
NETWORK = "/".join(SOURCES)


def prepare(lab: Lab) -> None:
    """Answers to addresses that nobody has end at the client."""
    lab.director.ip(f"route replace {NETWORK} via {CLIENT}")
    for web in lab.webs:
        web.ip(f"route replace {NETWORK} via {'10.11.12.254' if lab.method == 'nat' else CLIENT}")
    lab.client.ip(f"route add blackhole {NETWORK}")


def start(lab: Lab, seconds: float, *before: str) -> subprocess.Popen:
    """As fast as one CPU sends, at most so long; SIGTERM ends it and it prints what it sent. `before`:
    what stands before the command."""
    mac = json.loads(lab.director.ip("-j link show dev wan0"))[0]["address"]
    return lab.client.start(*before, BUILD / "tests/lab/tools/syn_flood", "eth0", mac, *SOURCES, VIP, "80",
                            str(seconds), "0", stdout=subprocess.PIPE, text=True)


class Newcomers:
    def connect(self, seconds: float, pause: float, patience: float) -> dict[str, object]:
        """A connection and a request after the other: the seconds until each stood, and how many failed."""
        times: list[float] = []
        failures: list[str] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            try:
                with socket.create_connection((VIP, 80), patience) as connection:
                    stood = time.monotonic() - begun
                    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    with connection.makefile("rb") as answer:
                        if not answer.readline().startswith(b"HTTP/1.1 200"):
                            raise OSError("no answer")
                times.append(stood)
            except OSError as error:
                failures.append(f"{error!r} after {time.monotonic() - begun:.3f} s")
            time.sleep(pause)
        return {"times": times, "failures": failures}


class RealClients(Remote):
    """The program above, at work in a node."""

    def __init__(self, node: Node):
        super().__init__(node, "shoal_lab.flood")

    def connect(self, seconds: float, pause: float = 0.01, patience: float = 30) -> dict[str, object]:
        return self.do("connect", seconds=seconds, pause=pause, patience=patience)


if __name__ == "__main__":
    obey(Newcomers())
