"""`./run bench rate`: how many small datagrams a second the director forwards, beside the kernel.

The generator runs the receivers' work on its own processor, in between: a rate is the inverse of
what a datagram costs all the way, and `floor` is the generator's own part of that. A ratio of rates has its limit there; "net" compares what each way
adds to the floor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from shoal_lab.topology import remove_leftovers
from ways import WAYS, built

FLOWS = 4096
# Of a measurement: the slice counts that other programs disturbed least.
SLICES = 5
# Of kernel forwarding in the same run.
TARGETS = {"shoal_xdp": 2.7, "shoal_tc": 1.15}


def measure(rounds: int, seconds: float, names: list[str], say) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for kind in WAYS:
            if kind.name not in names:
                continue
            with kind() as way:
                way.rate(0.3, FLOWS)  # opens the connections
                rates[kind.name].append(max(way.rate(seconds / SLICES, FLOWS) for _ in range(SLICES)))
                say(f"round {number + 1}/{rounds}  {kind.name:<11}{rates[kind.name][-1] / 1e6:>7.3f} M/s")
    return rates


def summary(rates: dict[str, list[float]]) -> dict[str, dict]:
    """Other programs only ever slow a way down: its highest rate is the one least disturbed. "net" says
    how much less than the kernel a way adds to what the generator costs."""
    rows = {name: {"median_per_s": round(statistics.median(all_of)), "highest_per_s": round(max(all_of)),
                   "ns": round(1e9 / max(all_of))} for name, all_of in rates.items()}
    for row in rows.values():
        if "forwarding" in rows:
            kernel = rows["forwarding"]
            row["of_forwarding"] = round(row["highest_per_s"] / kernel["highest_per_s"], 2)
            row["of_forwarding_median"] = round(row["median_per_s"] / kernel["median_per_s"], 2)
        if "floor" in rows:
            row["of_floor"] = round(row["highest_per_s"] / rows["floor"]["highest_per_s"], 2)
            row["ns_above_floor"] = row["ns"] - rows["floor"]["ns"]
    above = {name: row["ns_above_floor"] for name, row in rows.items() if row.get("ns_above_floor", 0) > 0}
    for name, ns in above.items() if "forwarding" in above else []:
        rows[name]["of_forwarding_net"] = round(above["forwarding"] / ns, 2)
    return rows


def targets(rows: dict[str, dict]) -> dict[str, dict]:
    """`at_most`: the ratio of a director that adds nothing at all to the generator's own part."""
    return {name: {"ratio": rows[name]["of_forwarding"], "bound": bound, "held": rows[name]["of_forwarding"] >= bound,
                   "net": rows[name].get("of_forwarding_net"), "at_most": rows.get("floor", {}).get("of_forwarding")}
            for name, bound in TARGETS.items() if name in rows and "forwarding" in rows}


def table(rows: dict[str, dict]) -> str:
    columns = [("median_per_s", "median", 8), ("of_forwarding", "x fwd", 7), ("of_forwarding_median", "(median)", 10),
               ("of_floor", "x floor", 9), ("ns", "ns", 7), ("ns_above_floor", "above floor", 13),
               ("of_forwarding_net", "x fwd, net", 12)]
    lines = [f"{'':<12}{'highest M/s':>12}" + "".join(f"{title:>{width}}" for _, title, width in columns)]
    for name, row in rows.items():
        cells = {**row, "median_per_s": f"{row['median_per_s'] / 1e6:.3f}"}
        lines.append(f"{name:<12}{row['highest_per_s'] / 1e6:>12.3f}"
                     + "".join(f"{cells.get(key, '-'):>{width}}" for key, _, width in columns))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench rate")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object; progress on stderr")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--ways", default=",".join(kind.name for kind in WAYS))
    options = parser.parse_args()
    if not built():
        sys.exit("build first: ./run build release")
    remove_leftovers()
    rows = summary(measure(options.rounds, options.seconds, options.ways.split(","),
                           lambda text: print(text, file=sys.stderr, flush=True)))
    held = targets(rows)
    if options.json:
        print(json.dumps({"ways": rows, "targets": held}, indent=1))
        return 0
    print("\n" + table(rows) + "\n")
    for name, target in held.items():
        print(f"{'held  ' if target['held'] else 'MISSED'}  {name}: {target['ratio']:.2f} of kernel forwarding "
              f"(at least {target['bound']:.2f}); {target['net'] or '-'} net of the floor; "
              f"nothing could be above {target['at_most'] or '-'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
