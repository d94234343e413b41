"""`./run bench flood`: what a SYN flood from random addresses at full speed does to real clients.

Generator, director, real servers and clients share this machine's processors: part of what clients
feel is the generator's own use of them; `--nice 19` gives them their turn first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path

from shoal_lab import flood
from shoal_lab.configuration import Service, Settings
from shoal_lab.director import Director, built
from shoal_lab.servers import start_web_servers
from shoal_lab.shell import run
from shoal_lab.topology import Lab, remove_leftovers
from shoal_lab.visitor import Visitor

QUIET_SECONDS = 10


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def times_of(result: dict) -> dict[str, object]:
    """Connect times in milliseconds."""
    times = sorted(result["times"])
    if not times:
        return {"succeeded": 0, "failed": len(result["failures"]), "failures": result["failures"][:3]}
    return {"succeeded": len(times), "failed": len(result["failures"]), "failures": result["failures"][:3],
            "p50_ms": round(statistics.median(times) * 1e3, 3),
            "p99_ms": round(times[min(len(times) - 1, len(times) * 99 // 100)] * 1e3, 3),
            "max_ms": round(times[-1] * 1e3, 3)}


def memory(director: Director) -> dict[str, int]:
    """In kB: what shoald has in memory, and the BPF maps that it pinned."""
    status = Path(f"/proc/{director.process.pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    maps = json.loads(run("bpftool", "-j", "-f", "map", "show"))
    ours = [each for each in maps if any(str(director.lab.pin_directory) in pin for pin in each.get("pinned", []))]
    return {"shoald_kb": resident, "maps_kb": sum(each["bytes_memlock"] for each in ours) // 1024}


class Watch(threading.Thread):
    """Asks the held connections again and again, and looks at the table."""

    def __init__(self, director: Director, visitor: Visitor):
        super().__init__(daemon=True)
        self.director, self.visitor = director, visitor
        self.ended = threading.Event()
        self.rounds = self.most_cells = 0
        self.lost = 0
        self.memory = memory(director)

    def run(self) -> None:
        while not self.ended.wait(0.2):
            self.look()

    def look(self) -> None:
        answers = self.visitor.ask()
        self.lost = max(self.lost, sum(not alive for each in answers.values() for alive in each))
        self.most_cells = max(self.most_cells, self.director.status()["table"]["used"])
        if self.rounds % 10 == 0:  # it costs time
            now = memory(self.director)
            self.memory = {key: max(value, now[key]) for key, value in self.memory.items()}
        self.rounds += 1

    def end(self) -> None:
        self.ended.set()
        self.join()


def measure(lab: Lab, options: argparse.Namespace) -> dict[str, object]:
    start_web_servers(lab)
    flood.prepare(lab)
    director = Director(lab, Settings(hook=options.hook, table_size=options.cells,
                                      services=[Service(service_timeout="10s")]))
    director.start()
    director.wait_until_serving()
    with Visitor(lab.client) as visitor, flood.RealClients(lab.client) as clients:
        held = sum(visitor.hold(options.held, timeout=30).values())
        say(f"{held} connections stand; {QUIET_SECONDS} s of new clients without a flood")
        quiet = clients.connect(QUIET_SECONDS)
        before, verdicts = memory(director), director.verdicts()
        say(f"{options.seconds} s of flood")
        watch = Watch(director, visitor)
        priority = ["nice", "-n", str(options.nice)] if options.nice else []
        generator = flood.start(lab, options.seconds + 600, *priority)
        watch.start()
        begun = time.monotonic()
        flooded = clients.connect(options.seconds)
        lasted = time.monotonic() - begun
        generator.terminate()
        sent = json.loads(generator.communicate(timeout=60)[0])
        watch.end()
        watch.look()
        servers = director.status()["virtual_servers"][0]["real_servers"]
        after = director.verdicts()
        return {
            "method": lab.method, "hook": options.hook, "seconds": round(lasted, 1), "flood": sent,
            "established": {"held": held, "lost": watch.lost, "rounds": watch.rounds},
            "new_clients": {"without": times_of(quiet), "with": times_of(flooded)},
            "table": {"cells": options.cells, "most_used": watch.most_cells},
            "memory": {"before": before, "most": watch.memory},
            "real_servers_out": [server["name"] for server in servers if not server["in_pool"]],
            "verdicts": {name: count - verdicts[name] for name, count in after.items() if count > verdicts[name]},
        }


def text(result: dict) -> str:
    clients, kept = result["new_clients"], result["established"]
    lines = [f"{result['method']} by {result['hook']}: {result['flood']['segments']} SYNs in "
             f"{result['flood']['seconds']:.1f} s, {result['flood']['rate']:.0f} a second",
             f"  established connections   {kept['held']} held, {kept['lost']} lost; asked {kept['rounds']} times"]
    for name in ("without", "with"):
        row = clients[name]
        lines.append(f"  new clients {name:<8}      {row['succeeded']} succeeded, {row['failed']} failed; connect p50 "
                     f"{row.get('p50_ms', '-')}, p99 {row.get('p99_ms', '-')}, max {row.get('max_ms', '-')} ms")
    lines.append(f"  table                     {result['table']['most_used']} of {result['table']['cells']} cells at most")
    for what, name in (("shoald_kb", "shoald, resident"), ("maps_kb", "BPF maps")):
        lines.append(f"  {name:<26}{result['memory']['before'][what]} kB before, {result['memory']['most'][what]} kB at most")
    lines.append("  verdicts                  " + ", ".join(f"{name} {count}" for name, count in result["verdicts"].items()))
    if result["real_servers_out"]:
        lines.append(f"  OUT OF THE POOL           {', '.join(result['real_servers_out'])}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench flood")
    parser.add_argument("--json", action="store_true", help="the result as a JSON list; progress on stderr")
    parser.add_argument("--seconds", type=int, default=60, help="of flood")
    parser.add_argument("--methods", default="nat,direct")
    parser.add_argument("--hook", default="tc", choices=("tc", "xdp"))
    parser.add_argument("--cells", type=int, default=1 << 20, help="of the connection table")
    parser.add_argument("--held", type=int, default=200, help="connections that stand when the flood begins")
    parser.add_argument("--nice", type=int, default=0, help="of the generator")
    options = parser.parse_args()
    if not built():
        sys.exit("build first: ./run build release")
    remove_leftovers()
    results = []
    for method in options.methods.split(","):
        with Lab(method, name=f"flood-{os.getpid()}", xdp=options.hook == "xdp") as lab:
            results.append(measure(lab, options))
        if not options.json:
            print(text(results[-1]), flush=True)
    if options.json:
        print(json.dumps(results, indent=1))
    lost = sum(result["established"]["lost"] + result["new_clients"]["with"]["failed"] for result in results)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
