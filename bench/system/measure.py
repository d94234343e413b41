"""One measurement: wrk's or the sender's figures, and the processor time of the whole machine meanwhile."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from shoal_lab.shell import Node
from shoal_lab.wrk import Wrk

CONNECTIONS = 48
BULK = Path(__file__).parent / "bulk.py"
TICKS = os.sysconf("SC_CLK_TCK")
KERNEL_THREAD = 0x00200000  # PF_KTHREAD


@dataclass
class Sample:
    rate: float  # connections or requests a second; of bulk, Gbit/s
    cpu_us: float  # busy time of all processors, less other programs', per connection, request or megabyte
    # Share of the machine that programs outside the lab used.
    foreign: float
    p99_us: float = 0
    errors: int = 0


class Meter:
    """Entered and left: what the processors did meanwhile."""

    def __init__(self, inside: set[int]):
        self.inside = inside

    def __enter__(self) -> "Meter":
        self.begin = time.monotonic()
        self.busy, self.other = busy_seconds(), foreign_seconds(self.inside)
        return self

    def __exit__(self, *_) -> None:
        self.busy, self.other = busy_seconds() - self.busy, foreign_seconds(self.inside) - self.other
        self.seconds = time.monotonic() - self.begin

    @property
    def foreign(self) -> float:
        return self.other / (self.seconds * os.cpu_count())

    def us_per(self, count: float) -> float:
        return (self.busy - self.other) * 1e6 / max(1, count)


def measure(node: Node, target: str, seconds: int, new_connections: bool, inside: set[int]) -> Sample:
    with Meter(inside) as meter:
        report = Wrk(node, target, seconds, CONNECTIONS, new_connections).report()
    return Sample(rate=report.rate, cpu_us=meter.us_per(report.requests), foreign=meter.foreign, p99_us=report.p99_us,
                  errors=report.errors)


def measure_bulk(node: Node, target: str, seconds: int, inside: set[int]) -> Sample:
    with Meter(inside) as meter:
        taken, elapsed = map(float, node.run(sys.executable, BULK, "send", target, seconds).split())
    return Sample(rate=taken * 8 / elapsed / 1e9, cpu_us=meter.us_per(taken / 1e6), foreign=meter.foreign)


def busy_seconds() -> float:
    """User, nice, system, irq and softirq; neither idle nor what the hypervisor took."""
    words = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return (words[0] + words[1] + words[2] + words[5] + words[6]) / TICKS


def foreign_seconds(inside: set[int]) -> float:
    """Of every process but the lab's and this one, children they have collected included.
    Kernel threads are not foreign: they do the lab's packets."""
    total = 0
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[6]) & KERNEL_THREAD or int(directory.name) in inside:
            continue
        total += sum(int(word) for word in words[11:15])
    return total / TICKS
