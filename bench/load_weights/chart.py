"""Draws docs/load-monitoring.svg from what `simulate_loads` printed.

    build/dev/bench/load_weights/simulate_loads >COURSE.json
    chart.py COURSE.json docs/load-monitoring.svg
"""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path

WIDTH, PANEL, LEFT, RIGHT, TOP, BETWEEN, BOTTOM = 640, 160, 60, 110, 64, 40, 44
INK, GRID = "#57606a", "#d0d7de"
SERVERS = [("capacity 1", "#0969da"), ("capacity 0.5", "#cf222e"), ("capacity 2", "#1a7f37")]
PANELS = [("at_once", "Weights that follow each load at once"), ("smoothed", "Shoal's weights")]
MOST = 2000  # per mille


def text(left: float, baseline: float, words: str, anchor: str = "middle", size: int = 12, fill: str = INK) -> str:
    return (f'<text x="{left:.1f}" y="{baseline:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{fill}">{escape(words)}</text>')


def panel(top: float, title: str, lines: list[list[int]], step: int) -> list[str]:
    minutes = (len(lines[0]) - 1) * step / 60

    def x(minute: float) -> float:
        return LEFT + minute / minutes * (WIDTH - LEFT - RIGHT)

    def y(factor: float) -> float:
        return top + PANEL - factor / MOST * PANEL

    parts = [text(LEFT, top - 8, title, "start", 13)]
    for factor in range(0, MOST + 1, 500):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(factor):.1f}" y2="{y(factor):.1f}" stroke="{GRID}"/>')
        parts.append(text(LEFT - 8, y(factor) + 4, f"{factor / 10:.0f} %", "end"))
    for minute in range(0, round(minutes) + 1, 30):
        parts.append(text(x(minute), top + PANEL + 16, str(minute)))
    for line, (name, colour) in zip(lines, SERVERS):
        course = " ".join(f"{x(at * step / 60):.1f},{y(factor):.1f}" for at, factor in enumerate(line))
        parts.append(f'<polyline points="{course}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return parts


def chart(courses: dict) -> str:
    height = TOP + len(PANELS) * PANEL + (len(PANELS) - 1) * BETWEEN + BOTTOM
    title = "A pool whose loads are told once a minute, a minute late"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
             f'role="img"><title>{escape(title)}</title>',
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', text(LEFT, 24, title, "start", 15)]
    for number, (key, words) in enumerate(PANELS):
        parts += panel(TOP + number * (PANEL + BETWEEN), words, courses[key], courses["step"])
    for number, (name, colour) in enumerate(SERVERS):
        parts.append(text(WIDTH - RIGHT + 12, TOP + 16 + 18 * number, name, "start", 12, colour))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, height - 10, "minutes; weight in percent of the file's"))
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(chart(json.loads(Path(sys.argv[1]).read_text())))
