"""One measurement: wrk's figures, and the processor time of the whole machine meanwhile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from shoal_lab.shell import Node
from shoal_lab.wrk import Wrk

CONNECTIONS = 48
TICKS = os.sysconf("SC_CLK_TCK")
KERNEL_THREAD = 0x00200000  # PF_KTHREAD


@dataclass
class Sample:
    rate: float  # connections or requests a second
    cpu_us: float  # busy time of all processors, less other programs', per connection or request
    p99_us: float
    errors: int
    # Share of the machine that programs outside the lab used.
    foreign: float


def measure(node: Node, target: str, seconds: int, new_connections: bool, inside: set[int]) -> Sample:
    busy, foreign = busy_seconds(), foreign_seconds(inside)
    wrk = Wrk(node, target, seconds, CONNECTIONS, new_connections)
    report = wrk.report()
    busy, foreign = busy_seconds() - busy, foreign_seconds(inside) - foreign
    return Sample(rate=report.rate, cpu_us=(busy - foreign) * 1e6 / max(1, report.requests), p99_us=report.p99_us,
                  errors=report.errors, foreign=foreign / (seconds * os.cpu_count()))


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
