"""`./run bench system`: what a director costs, beside the kernel's own ways and HAProxy.

Client, director and servers share this machine's processors, so a rate is the inverse of the whole
cost of a connection; what a way adds is its difference to `direct`, where nothing stands between.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure import Sample, measure
from modes import MODES, prepare
from shoal_lab.director import built
from shoal_lab.servers import start_web_servers
from shoal_lab.topology import Lab, remove_leftovers

NOISY = 0.12
# What two runs of the same way differ by on a quiet machine.
NOISE = 0.05


def compare(rounds: int, seconds: int, names: list[str], say) -> dict[str, dict[str, list[Sample]]]:
    samples = {name: {"connections": [], "requests": []} for name in names}
    with Lab() as lab:
        start_web_servers(lab)
        prepare(lab)
        for number in range(rounds):
            for kind in MODES:
                if kind.name not in names:
                    continue
                with kind(lab) as mode:
                    inside = {os.getpid(), *(pid for node in lab.nodes for pid in node.pids())}
                    for what, new in (("connections", True), ("requests", False)):
                        sample = measure(lab.client, mode.target, seconds, new, inside)
                        samples[mode.name][what].append(sample)
                        say(f"round {number + 1}/{rounds}  {mode.name:<11}{sample.rate:>9.0f} {what}/s"
                            f"{sample.cpu_us:>8.1f} us   other programs {sample.foreign:.0%}")
    return samples


def quiet(samples: list[Sample]) -> list[Sample]:
    """Those that no other program disturbed, where at least two are left."""
    good = [sample for sample in samples if sample.foreign < NOISY]
    return good if len(good) >= 2 else samples


def summary(samples: dict[str, dict[str, list[Sample]]]) -> dict[str, dict]:
    result = {}
    for name, kinds in samples.items():
        new, kept = quiet(kinds["connections"]), quiet(kinds["requests"])
        result[name] = {
            "connections_per_s": round(statistics.median(sample.rate for sample in new)),
            "requests_per_s": round(statistics.median(sample.rate for sample in kept)),
            "cpu_us_per_connection": round(statistics.median(sample.cpu_us for sample in new), 1),
            "cpu_us_per_request": round(statistics.median(sample.cpu_us for sample in kept), 1),
            "connection_p99_us": round(statistics.median(sample.p99_us for sample in new)),
            "errors": sum(sample.errors for sample in kinds["connections"] + kinds["requests"]),
            "quiet_samples": sum(sample.foreign < NOISY for sample in kinds["connections"]),
        }
    for name, row in result.items():
        if "direct" in result:
            row["added_cpu_us_per_connection"] = round(
                row["cpu_us_per_connection"] - result["direct"]["cpu_us_per_connection"], 1)
    return result


def targets(result: dict[str, dict]) -> dict[str, dict]:
    """What Shoal is to reach; empty where a way that it is compared with was not measured."""
    if not {"direct", "forwarding", "haproxy", "shoal"} <= set(result):
        return {}
    ours, kernel, haproxy = result["shoal"], result["forwarding"], result["haproxy"]
    ratios = {
        "connections/s, of kernel forwarding": (ours["connections_per_s"] / kernel["connections_per_s"], 1 - NOISE, True),
        "requests/s, of kernel forwarding": (ours["requests_per_s"] / kernel["requests_per_s"], 1 - NOISE, True),
        "processor time a connection, of kernel forwarding":
            (ours["cpu_us_per_connection"] / kernel["cpu_us_per_connection"], 1 + NOISE, False),
        "added processor time a connection, of HAProxy's":
            (ours["added_cpu_us_per_connection"] / max(0.1, haproxy["added_cpu_us_per_connection"]), 0.5, False),
    }
    return {what: {"ratio": round(ratio, 3), "bound": bound, "at_least": at_least,
                   "held": ratio >= bound if at_least else ratio <= bound}
            for what, (ratio, bound, at_least) in ratios.items()}


def table(result: dict[str, dict]) -> str:
    lines = [f"{'':<12}{'conn/s':>9}{'x fwd':>7}{'req/s':>9}{'x fwd':>7}{'us/conn':>9}{'added':>8}{'us/req':>8}"
             f"{'p99 conn':>10}{'errors':>8}{'quiet':>7}"]
    kernel = result.get("forwarding")
    for name, row in result.items():
        ratio = [f"{row[key] / kernel[key]:.2f}" if kernel else "-" for key in ("connections_per_s", "requests_per_s")]
        lines.append(
            f"{name:<12}{row['connections_per_s']:>9}{ratio[0]:>7}{row['requests_per_s']:>9}{ratio[1]:>7}"
            f"{row['cpu_us_per_connection']:>9}{row.get('added_cpu_us_per_connection', '-'):>8}"
            f"{row['cpu_us_per_request']:>8}{row['connection_p99_us']:>8}us{row['errors']:>8}{row['quiet_samples']:>7}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench system")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object; progress on stderr")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each wrk run")
    parser.add_argument("--modes", default=",".join(kind.name for kind in MODES))
    options = parser.parse_args()
    names = options.modes.split(",")
    if "shoal" in names and not built():
        sys.exit("build first: ./run build release")
    remove_leftovers()
    samples = compare(options.rounds, options.seconds, names, lambda text: print(text, file=sys.stderr, flush=True))
    result = summary(samples)
    held = targets(result)
    if options.json:
        print(json.dumps({"ways": result, "targets": held}, indent=1))
        return 0
    print("\n" + table(result) + "\n")
    if any(row["quiet_samples"] < 2 for row in result.values()):
        print("Other programs used this machine meanwhile: trust processor time, not rates.\n")
    for what, target in held.items():
        bound = ("at least" if target["at_least"] else "at most") + f" {target['bound']:.2f}"
        print(f"{'held  ' if target['held'] else 'MISSED'}  {what}: {target['ratio']:.2f} ({bound})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
