"""shoald in a lab's director, and the command `shoal` that speaks with it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

from .configuration import Settings, text
from .shell import BUILD, CommandFailed, end, run, wait_for
from .topology import Lab, links

SHOALD = BUILD / "bin/shoald"
SHOAL = BUILD / "bin/shoal"
SHOAL_RUN = BUILD / "bin/shoal-run"


class Director:
    def __init__(self, lab: Lab, settings: Settings | None = None):
        self.lab = lab
        self.program = SHOALD
        # A command that starts the program, with its options.
        self.prefix: list[str] = []
        self.node = lab.director
        self.settings = settings or Settings()
        self.configuration = lab.directory / "shoal.toml"
        self.socket = lab.directory / "shoald.sock"
        self.run_socket = lab.directory / "run.socket"
        self.log = lab.directory / "shoald.log"
        self.process: subprocess.Popen | None = None
        self.runner: subprocess.Popen | None = None
        self.before = self.traces()

    def start(self) -> "Director":
        """Returns when shoald answers."""
        self.spawn()
        self.wait_until_it_answers()
        return self

    def spawn(self) -> None:
        self.lab.pin_directory.parent.mkdir(exist_ok=True)
        if not self.configuration.exists():
            self.configuration.write_text(text(self.lab, self.settings))
        if has_programs(self.settings) and self.runner is None:
            self.start_runner()
        with self.log.open("a") as log:
            self.process = self.node.start(*self.prefix, self.program, *self.places(), stderr=log, stdout=log)

    def places(self) -> list[str | Path]:
        return ["--config", self.configuration, "--socket", self.socket, "--pin-dir", self.lab.pin_directory,
                "--state-dir", self.lab.directory / "state", "--run-dir", self.lab.directory / "run",
                "--run-socket", self.run_socket]

    def start_runner(self) -> None:
        """shoal-run, which ends with the lab; returns when it takes orders."""
        with self.log.open("a") as log:
            self.runner = self.node.start(SHOAL_RUN, "--socket", self.run_socket, "--user", "nobody",
                                          stderr=log, stdout=log)
        wait_for("shoal-run takes orders", self.run_socket.exists, 20)

    def wait_until_it_answers(self, timeout: float = 120) -> None:
        def answers() -> bool:
            if self.process.poll() is not None:
                raise CommandFailed(f"shoald ended with {self.process.returncode}:\n{self.tail()}")
            try:
                return bool(self.status()["hooks"])
            except CommandFailed:
                return False
        wait_for("shoald answers", answers, timeout)

    def wait_until_serving(self, timeout: float = 15) -> None:
        """Every real server of the configuration has passed its first check."""
        wait_for("all real servers are in", lambda: all(
            server["in_pool"] for service in self.status()["virtual_servers"]
            for server in service["real_servers"] if server["enabled"]), timeout)

    def shoal(self, *words: str | Path, check: bool = True, timeout: float = 120) -> str:
        return run(*self.command(*words), check=check, timeout=timeout)

    def command(self, *words: str | Path) -> list[str]:
        return [str(word) for word in (SHOAL, "--socket", self.socket, *words)]

    def status(self) -> dict:
        return json.loads(self.shoal("status", "--json"))

    def connections(self) -> list[dict]:
        return json.loads(self.shoal("connections", "--json"))["connections"]

    def verdicts(self) -> dict[str, int]:
        return {verdict["name"]: verdict["packets"] for verdict in self.status()["verdicts"]}

    def server(self, name: str, service: str = "web") -> dict:
        services = self.status()["virtual_servers"]
        servers = next(each["real_servers"] for each in services if each["name"] == service)
        return next(each for each in servers if each["name"] == name)

    def write(self, settings: Settings) -> Path:
        """The settings as a file beside the one in force."""
        self.settings = settings
        path = self.lab.directory / "next.toml"
        path.write_text(text(self.lab, settings))
        return path

    def apply(self, settings: Settings) -> None:
        self.shoal("apply", self.write(settings))

    def kill(self) -> None:
        """kill -9: nothing is taken back."""
        end(self.process, signal.SIGKILL)

    def restart(self) -> None:
        self.kill()
        self.start()

    def end(self) -> None:
        """SIGTERM: shoald ends, the data plane goes on."""
        end(self.process, signal.SIGTERM)

    def stop(self) -> None:
        """`shoal stop`, and nothing may be left of it."""
        self.shoal("stop")
        if self.process is not None:
            self.process.wait(15)
        self.expect_nothing_left()

    def withdraw(self) -> None:
        """`shoald --withdraw`, for a director whose shoald is dead."""
        self.node.run(self.program, *self.places(), "--withdraw")
        self.expect_nothing_left()

    def expect_nothing_left(self) -> None:
        left = {key: (self.before[key], now) for key, now in self.traces().items() if now != self.before[key]}
        if left:
            raise AssertionError(f"left behind (before, now): {left}")

    def traces(self) -> dict[str, object]:
        """Everything of the system that a director changes."""
        devices = links(self.node)
        filters = {device: self.node.run("tc", "filter", "show", "dev", device, "ingress") for device in devices}
        return {
            "addresses": sorted(self.node.addresses()),
            "qdiscs": self.node.run("tc", "qdisc", "show"),
            "filters": filters,
            "attached programs": self.node.run("bpftool", "net", "show"),
            "xdp": sorted(line.split()[1] for line in self.node.ip("-o link").splitlines() if "xdp" in line),
            "pins": sorted(str(path) for path in self.lab.pin_directory.glob("**/*")),
            "promote_secondaries": {
                device: self.node.sysctl(f"net/ipv4/conf/{device}/promote_secondaries")
                for device in ["all", "default", *devices]},
            "ip_forward": self.node.sysctl("net/ipv4/ip_forward"),
        }

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def events(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def wait_for_verdict(self, name: str, at_least: int = 1, timeout: float = 10) -> None:
        wait_for(f"verdict {name}", lambda: self.verdicts().get(name, 0) >= at_least, timeout)

    def wait_for_pool(self, name: str, inside: bool, timeout: float) -> dict:
        """The real server's status when it is in (or out of) the pool, with the monotonic time at
        which that was seen."""
        def there() -> dict | None:
            server = self.server(name)
            return {**server, "seen": time.monotonic()} if server["in_pool"] is inside else None
        return wait_for(f"{name} {'in' if inside else 'out of'} the pool", there, timeout)


def has_programs(settings: Settings) -> bool:
    return (any("sending_program" in service.monitor for service in settings.services)
            or any("command" in notification for notification in settings.notifications))


def built() -> bool:
    return SHOALD.is_file() and SHOAL.is_file()
