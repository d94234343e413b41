"""`./run bench detection`: how long a failed real server stays in the pool, and when it comes back."""

from __future__ import annotations

import argparse
import datetime
import json
import random
import statistics
import sys
import time

from shoal_lab.configuration import Service, Settings
from shoal_lab.director import Director, built
from shoal_lab.load import LoadProcess
from shoal_lab.servers import start_web_servers
from shoal_lab.shell import Node, wait_for
from shoal_lab.topology import VIP, Lab, remove_leftovers

VICTIM = "web-2"
REENTRY_TIME = 1.0
# How packets to port 80 fail, whether clients come meanwhile, and the median to reach in seconds.
FAULTS = {"refused": ("reject with tcp reset", False, 0.8), "vanished": ("drop", False, 2.2),
          "refused_busy": ("reject with tcp reset", True, 0.3)}


def moment_of(director: Director, event: str, after: float) -> float | None:
    """When the log says that this happened to the victim."""
    for line in reversed(director.events()):
        if f"{event}: {VICTIM} " in line:
            when = datetime.datetime.fromisoformat(line[:23]).replace(tzinfo=datetime.UTC).timestamp()
            return when if when >= after else None
    return None


def fail(node: Node, how: str) -> None:
    node.run("nft", f"add table ip fault; add chain ip fault in {{ type filter hook input priority 0; }}; "
                    f"add rule ip fault in tcp dport 80 {how}")


def measure_one(director: Director, node: Node, how: str) -> tuple[float, float]:
    """Seconds from the fault until it is out, and from the repair until it is back."""
    time.sleep(random.uniform(0, 1))  # any phase of the checks
    start = time.time()
    fail(node, how)
    down = wait_for("it is out", lambda: moment_of(director, "real_server_down", start - 0.002), 10)
    repaired = time.time()
    node.run("nft", "delete table ip fault")
    back = wait_for("it is back", lambda: moment_of(director, "real_server_up", repaired - 0.002), 10)
    return down - start, back - repaired


def measure(lab: Lab, rounds: int) -> dict[str, dict]:
    start_web_servers(lab)
    monitor = {"send": "GET / HTTP/1.0\\r\\n\\r\\n", "expect": "HTTP", "interval": "1s", "timeout": "500ms"}
    director = Director(lab, Settings(services=[
        Service(service_timeout="2s", reentry_time=f"{REENTRY_TIME:.0f}s", monitor=monitor)])).start()
    director.wait_until_serving()
    node = next(web for web in lab.webs if web.name.endswith(VICTIM))
    results = {}
    for name, (how, busy, target) in FAULTS.items():
        load = LoadProcess(lab.client, VIP, new=4, keep_alive=0, pause=0.01, seconds=600) if busy else None
        pairs = [measure_one(director, node, how) for _ in range(rounds)]
        if load:
            load.stop()
        out, back = (sorted(each) for each in zip(*pairs))
        results[name] = {"out_median_s": round(statistics.median(out), 3), "out_worst_s": round(out[-1], 3),
                         "back_least_s": round(back[0], 3), "back_median_s": round(statistics.median(back), 3),
                         "target_s": target, "held": statistics.median(out) <= target and back[0] >= REENTRY_TIME}
    director.stop()
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench detection")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    if not built():
        sys.exit("build first: ./run build release")
    remove_leftovers()
    lab = Lab("nat")
    lab.up()
    try:
        results = measure(lab, options.rounds)
    finally:
        lab.down()
    if options.json:
        print(json.dumps(results, indent=1))
        return 0
    for name, row in results.items():
        print(f"{'held  ' if row['held'] else 'MISSED'}  {name:<13} out after {row['out_median_s']:.2f} s (median; worst "
              f"{row['out_worst_s']:.2f}; wanted {row['target_s']}), back after {row['back_median_s']:.2f} s "
              f"(least {row['back_least_s']:.2f}; re-entry time {REENTRY_TIME:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
