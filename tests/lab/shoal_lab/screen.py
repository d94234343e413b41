"""The demo's live view: plain ANSI, redrawn as a whole twice a second."""

from __future__ import annotations

import shutil
import sys
import threading
import time

from .director import Director
from .shell import CommandFailed

GREEN, RED, YELLOW, BOLD, DIM, PLAIN = "\033[32m", "\033[31m", "\033[33m", "\033[1m", "\033[2m", "\033[0m"
BAR = 24


class Screen:
    def __init__(self):
        self.begin = time.monotonic()
        self.events: list[tuple[float, str]] = []
        self.lock = threading.Lock()
        # The report of the load before the last, and the rates between the two.
        self.before: dict | None = None
        self.rates: dict[str, int] = {}
        self.status: dict | None = None

    def enter(self) -> None:
        """The alternate screen, without a cursor."""
        sys.stdout.write("\033[?1049h\033[?25l")

    def leave(self) -> None:
        sys.stdout.write("\033[?25h\033[?1049l")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        with self.lock:
            self.events.append((time.monotonic() - self.begin, text))

    def draw(self, director: Director, load: dict) -> None:
        alive = True
        try:
            self.status = director.status()
        except CommandFailed:
            alive = False
        if self.status is None:
            return
        size = shutil.get_terminal_size()
        self.measure(load)
        lines = self.head(alive, load) + self.servers(load) + ["", f"{BOLD}What happens{PLAIN}"]
        with self.lock:
            for moment, text in self.events[-max(3, size.lines - len(lines) - 2):]:
                lines.append(f"  {clock(moment)}  {text}")
        lines = [cut(line, size.columns) for line in lines[:size.lines - 1]]
        footer = f"{DIM}Ctrl-C ends the demo and removes everything it made.{PLAIN}"
        # Home, each line cleared to its end, the rest of the screen cleared: no flicker.
        sys.stdout.write("\033[H" + "".join(f"{line}\033[K\n" for line in lines) + footer + "\033[K\033[J")
        sys.stdout.flush()

    def head(self, alive: bool, load: dict) -> list[str]:
        service = self.status["virtual_servers"][0]
        table = self.status["table"]
        running = f"{GREEN}shoald runs{PLAIN}" if alive else f"{RED}shoald is dead{PLAIN}, the data plane goes on"
        hooks = ", ".join(f"{hook['device']} {hook['hook']}" for hook in self.status["hooks"])
        return [
            f"{BOLD}Shoal{PLAIN}  virtual server {service['name']}: {address(service['address'])}:{service['port']} "
            f"({service['protocol']}, {service['scheduler']})   {running}   {clock(time.monotonic() - self.begin)}",
            f"{DIM}packet path at {hooks}; {table['used']} of {table['size']} connections in the table{PLAIN}",
            "",
            f"requests {load['requests']}  ({self.rates.get('', 0)}/s)   failed {load['failed']}   "
            f"connections broken {load['broken']}",
            "",
            f"{BOLD}{'real server':<13}{'check':<9}{'since':>7}{'answers':>11}{'/s':>7}{'active':>8}{'inactive':>10}"
            f"  share of the answers{PLAIN}",
        ]

    def measure(self, load: dict) -> None:
        """Requests a second, in all ("") and by server; kept while no newer report has come."""
        if self.before is not None and load["time"] > self.before["time"]:
            seconds = load["time"] - self.before["time"]
            counts = {"": load["requests"], **load["servers"]}
            old = {"": self.before["requests"], **self.before["servers"]}
            self.rates = {name: round((count - old.get(name, 0)) / seconds) for name, count in counts.items()}
        self.before = load

    def servers(self, load: dict) -> list[str]:
        lines = []
        total = max(1, self.rates.get("", 0))
        for server in self.status["virtual_servers"][0]["real_servers"]:
            name = server["name"]
            rate = self.rates.get(name, 0)
            since = max(0, time.time() - server["since_ms"] / 1000)
            bar = "#" * min(BAR, round(BAR * rate / total))
            lines.append(
                f"{name:<13}{check(server)}{clock(since):>7}{load['servers'].get(name, 0):>11}{rate:>7}"
                f"{server['active_connections']:>8}{server['inactive_connections']:>10}  {bar:<{BAR}} "
                f"{RED}{server['reason']}{PLAIN}")
        return lines


def check(server: dict) -> str:
    if server["in_pool"]:
        return f"{GREEN}{'up':<9}{PLAIN}"
    colour = YELLOW if server["health"] == "up" else RED
    return f"{colour}{server['health'] + ', out':<9}{PLAIN}"


def address(prefix: object) -> str:
    return str(prefix).split("/")[0]


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def cut(line: str, columns: int) -> str:
    """The first `columns` visible characters; colours do not count."""
    shown, result, index = 0, "", 0
    while index < len(line):
        if line[index] == "\033":
            stop = line.index("m", index) + 1
            result += line[index:stop]
            index = stop
            continue
        if shown == columns - 1:
            return result + PLAIN
        result += line[index]
        shown += 1
        index += 1
    return result
