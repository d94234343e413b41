"""Draws docs/*.svg and writes the table of docs/performance.md from what `bench_packet --json` printed.

    chart.py FIGURES.json DOCS_DIRECTORY
"""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 60, 30, 50, 50
INK, GRID, LINE = "#57606a", "#d0d7de", "#0969da"

# Key, what it is, and the most it may be.
TARGETS = [
    ("floor", "driver and empty program: in every figure below", None),
    ("nat_established_1", "NAT, established, 1 connection", 60),
    ("dr_established_1", "direct routing, established, 1 connection", 58),
    ("nat_established_1m", "NAT, established, 1 M connections at random", 400),
    ("floor_encapsulation", "driver and a program that puts a constant header in front", None),
    ("ipip_established_1", "IPIP, established, 1 connection", 82),
    ("ipip_established_1m", "IPIP, established, 1 M connections at random", 400),
    ("nat6_established_1", "NAT, IPv6, established, 1 connection", None),
    ("dr6_established_1", "direct routing, IPv6, established, 1 connection", None),
    ("ipip6_established_1", "IPv6 in IPv6, established, 1 connection", 92),
    ("ipip6_established_1m", "IPv6 in IPv6, established, 1 M connections at random", None),
    ("new_connection_wlc_3", "new connection, wlc over 3 real servers, 1 M others in the table", 350),
    ("new_connection_wlc_1000", "the same over 1000 real servers", 550),
    ("class_change_4096", "a connection of a pool of 4096 turns inactive or active", 250),
    ("foreign_packet", "packet for nobody here", 45),
    ("sweep_1m_ratio", "sweep of 1 M connections, as a multiple of reading them", 1.5),
]
BEGIN, END = "<!-- figures: written by bench/packet/chart.py -->", "<!-- end of figures -->"


@dataclass
class Line:
    file: str
    prefix: str
    title: str
    axis: str


LINES = [
    Line("new-connection.svg", "new_connection_wlc_", "A new connection (wlc), by the size of the pool",
         "real servers of the virtual server"),
    Line("established.svg", "established_", "A packet of an established connection (NAT), by the size of the table",
         "connections among which packets choose at random"),
]


def points_of(figures: dict, prefix: str) -> list[tuple[int, float]]:
    """(number, nanoseconds) of each key that is the prefix and a number."""
    matches = [(re.fullmatch(re.escape(prefix) + r"(\d+)", key), value) for key, value in figures.items()]
    return sorted((int(match.group(1)), value) for match, value in matches if match)


def short(number: int) -> str:
    for unit, name in ((1 << 20, " M"), (1 << 10, " k")):
        if number >= unit and number % unit == 0:
            return f"{number // unit}{name}"
    return str(number)


def step_of(highest: float) -> int:
    """Between lines of the grid: some four to eight of them."""
    return next(step for step in (10, 20, 50, 100, 200, 500, 1000, 10**9) if highest / step <= 8)


def chart(line: Line, points: list[tuple[int, float]]) -> str:
    low, high = math.log2(points[0][0]), math.log2(points[-1][0])
    step = step_of(max(value for _, value in points))
    top = step * (math.floor(max(value for _, value in points) / step) + 1)

    def x(number: int) -> float:
        return LEFT + (math.log2(number) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    def text(left: float, baseline: float, words: str, anchor: str = "middle", size: int = 12) -> str:
        return (f'<text x="{left:.1f}" y="{baseline:.1f}" text-anchor="{anchor}" font-size="{size}" '
                f'fill="{INK}">{escape(words)}</text>')

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             f'role="img"><title>{escape(line.title)}</title>',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', text(LEFT, 24, line.title, "start", 15),
             text(LEFT, 40, "ns per packet, median of the repetitions", "start")]
    for value in range(0, top + 1, step):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{GRID}"/>')
        parts.append(text(LEFT - 8, y(value) + 4, str(value), "end"))
    course = " ".join(f"{x(number):.1f},{y(value):.1f}" for number, value in points)
    parts.append(f'<polyline points="{course}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    for number, value in points:
        parts.append(f'<circle cx="{x(number):.1f}" cy="{y(value):.1f}" r="4" fill="{LINE}"/>')
        parts.append(text(x(number), y(value) - 10, f"{value:.0f}"))
        parts.append(text(x(number), HEIGHT - BOTTOM + 18, short(number)))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, line.axis))
    return "\n".join([*parts, "</svg>", ""])


def number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def table(figures: dict) -> str:
    lines = ["| case (key in `--json`) | XDP | tc | target (XDP) |", "|---|---|---|---|"]
    for key, meaning, target in TARGETS:
        tc = figures.get(f"{key}_tc")
        lines.append(f"| {meaning} (`{key}`) | {number(figures[key])} | {'' if tc is None else number(tc)} | "
                     f"{'' if target is None else f'≤ {target}'} |")
    validity = "undisturbed" if figures["valid"] else "**disturbed: these figures do not count**"
    return "\n".join([*lines, "", f"Medians of {figures['repetitions']} repetitions; {figures['cpu']}, "
                                  f"Linux {figures['kernel']}; the machine was {validity}."])


def replace_table(document: str, text: str) -> str:
    begin, end = document.index(BEGIN) + len(BEGIN), document.index(END)
    return f"{document[:begin]}\n{text}\n{document[end:]}"


def main(figures_file: str, directory: str) -> None:
    figures, docs = json.loads(Path(figures_file).read_text()), Path(directory)
    for line in LINES:
        (docs / line.file).write_text(chart(line, points_of(figures, line.prefix)))
    page = docs / "performance.md"
    page.write_text(replace_table(page.read_text(), table(figures)))


if __name__ == "__main__":
    main(*sys.argv[1:])
