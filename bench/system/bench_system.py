"""`./run bench system`: what a director costs, beside the kernel's own ways and HAProxy.

Client, director and servers share this machine's processors, so a rate is the inverse of the whole
cost of a connection; what a way adds is its difference to `direct`, where nothing stands between.
Bulk goes to the real servers, on one connection. Each way is compared with kernel forwarding in the
same network (see modes.py).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure import Sample, measure, measure_bulk
from modes import MODES, Mode, prepare
from shoal_lab.director import built
from shoal_lab.servers import start_web_servers
from shoal_lab.topology import Lab, remove_leftovers

NOISY = 0.12
# What two runs of the same way differ by on a quiet machine.
NOISE = 0.05


KINDS = {"connections": "connections/s", "requests": "requests/s", "bulk": "Gbit/s"}
BESIDE = {kind.name: kind.beside for kind in MODES}

Samples = dict[str, dict[str, list[Sample]]]


def compare(rounds: int, seconds: int, names: list[str], say) -> Samples:
    samples: Samples = {kind.name: {what: [] for what in KINDS} for kind in MODES if kind.name in names}
    for network in ("nat", "tunnel"):
        kinds = [kind for kind in MODES if kind.name in names and kind.network == network]
        if not kinds:
            continue
        with Lab(network) as lab:
            start_web_servers(lab)
            prepare(lab)
            for number in range(rounds):
                for kind in kinds:
                    with kind(lab) as mode:
                        for what, sample in measure_mode(lab, mode, seconds).items():
                            samples[mode.name][what].append(sample)
                            say(f"round {number + 1}/{rounds}  {mode.name:<19}{sample.rate:>9.4g} {KINDS[what]:<14}"
                                f"{sample.cpu_us:>8.1f} us   other programs {sample.foreign:.0%}")
    return samples


def measure_mode(lab: Lab, mode: Mode, seconds: int) -> dict[str, Sample]:
    inside = {os.getpid(), *(pid for node in lab.nodes for pid in node.pids())}
    return {"connections": measure(lab.client, mode.target, seconds, True, inside),
            "requests": measure(lab.client, mode.target, seconds, False, inside),
            "bulk": measure_bulk(lab.client, mode.target, seconds, inside)}


def quiet(samples: list[Sample]) -> list[Sample]:
    """Those that no other program disturbed, where at least two are left."""
    good = [sample for sample in samples if sample.foreign < NOISY]
    return good if len(good) >= 2 else samples


def median(samples: list[Sample], what: str) -> float:
    return statistics.median(getattr(sample, what) for sample in quiet(samples))


def summary(samples: Samples) -> dict[str, dict]:
    result: dict[str, dict] = {}
    for name, kinds in samples.items():
        new, kept, bulk = kinds["connections"], kinds["requests"], kinds["bulk"]
        result[name] = {
            "connections_per_s": round(median(new, "rate")),
            "requests_per_s": round(median(kept, "rate")),
            "bulk_gbit_per_s": round(median(bulk, "rate"), 2),
            "cpu_us_per_connection": round(median(new, "cpu_us"), 1),
            "cpu_us_per_request": round(median(kept, "cpu_us"), 1),
            "cpu_us_per_megabyte": round(median(bulk, "cpu_us"), 1),
            "connection_p99_us": round(median(new, "p99_us")),
            "errors": sum(sample.errors for all_of in kinds.values() for sample in all_of),
            "quiet_samples": sum(sample.foreign < NOISY for sample in new),
        }
    for name, row in result.items():
        if "direct" in result and BESIDE[name] == "forwarding":
            row["added_cpu_us_per_connection"] = round(
                row["cpu_us_per_connection"] - result["direct"]["cpu_us_per_connection"], 1)
        if BESIDE[name] in result:
            row["of_forwarding"] = {key: round(row[key] / max(0.01, result[BESIDE[name]][key]), 3) for key in row
                                    if key.endswith("_per_s") or key.startswith("cpu_us")}
    return result


def targets(result: dict[str, dict]) -> dict[str, dict]:
    """What Shoal is to reach; without those whose other way was not measured."""
    held = {}

    def expect(what: str, ratio: float, bound: float, at_least: bool = True) -> None:
        held[what] = {"ratio": round(ratio, 3), "bound": bound, "at_least": at_least,
                      "held": ratio >= bound if at_least else ratio <= bound}

    for name, row in result.items():
        if not name.startswith("shoal") or "of_forwarding" not in row:
            continue
        of_kernel = row["of_forwarding"]
        for key, what in (("connections_per_s", "connections/s"), ("requests_per_s", "requests/s"), ("bulk_gbit_per_s", "bulk")):
            expect(f"{name}: {what}, of kernel forwarding", of_kernel[key], 1 - NOISE)
        expect(f"{name}: processor time a connection, of kernel forwarding", of_kernel["cpu_us_per_connection"], 1 + NOISE, False)
    if {"direct", "haproxy", "shoal"} <= set(result):
        haproxy = max(0.1, result["haproxy"]["added_cpu_us_per_connection"])
        expect("shoal: added processor time a connection, of HAProxy's",
               result["shoal"]["added_cpu_us_per_connection"] / haproxy, 0.5, False)
    return held


def table(result: dict[str, dict]) -> str:
    rates = [("connections_per_s", "conn/s"), ("requests_per_s", "req/s"), ("bulk_gbit_per_s", "Gbit/s")]
    others = [("cpu_us_per_connection", "us/conn", 9), ("added_cpu_us_per_connection", "added", 8),
              ("cpu_us_per_request", "us/req", 8), ("cpu_us_per_megabyte", "us/MB", 8), ("connection_p99_us", "p99 us", 8),
              ("errors", "errors", 8), ("quiet_samples", "quiet", 7)]
    lines = [f"{'':<19}" + "".join(f"{title:>9}{'x fwd':>7}" for _, title in rates)
             + "".join(f"{title:>{width}}" for _, title, width in others)]
    for name, row in result.items():
        ratios = row.get("of_forwarding", {})
        lines.append(f"{name:<19}" + "".join(f"{row[key]:>9}{ratios.get(key, '-'):>7}" for key, _ in rates)
                     + "".join(f"{row.get(key, '-'):>{width}}" for key, _, width in others))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench system")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object; progress on stderr")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each wrk run")
    parser.add_argument("--modes", default=",".join(kind.name for kind in MODES))
    options = parser.parse_args()
    names = options.modes.split(",")
    if any(name.startswith("shoal") for name in names) and not built():
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
