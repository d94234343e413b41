"""Commands, network namespaces and waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, TypeVar

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / os.environ.get("SHOAL_BUILD", "build/dev")
T = TypeVar("T")


class CommandFailed(RuntimeError):
    pass


def run(*command: str | Path, check: bool = True, timeout: float = 60, stdin: str | None = None) -> str:
    """Standard output of a command; with `check`, a failure raises with what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_for(what: str, condition: Callable[[], T], timeout: float = 10, pause: float = 0.02) -> T:
    """The first true value of `condition`, or a TimeoutError that names what was awaited."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout:g} s: {what}")
        time.sleep(pause)


class Node:
    """One network namespace.

    Processes enter it by nsenter: `ip netns exec` would mount a /sys without the BPF file system.
    """

    def __init__(self, name: str, namespace: str):
        self.name = name
        self.namespace = namespace

    def command(self, *words: str | Path) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *(str(word) for word in words)]

    def run(self, *words: str | Path, check: bool = True, timeout: float = 60, stdin: str | None = None) -> str:
        return run(*self.command(*words), check=check, timeout=timeout, stdin=stdin)

    def start(self, *words: str | Path, **options) -> subprocess.Popen:
        """A process of its own session, so that Ctrl-C reaches the lab's owner alone."""
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(*words), start_new_session=True, **options)

    def ip(self, arguments: str, check: bool = True) -> str:
        return run("ip", "-n", self.namespace, *arguments.split(), check=check)

    def batch(self, lines: list[str]) -> None:
        """Many commands of ip at once."""
        run("ip", "-n", self.namespace, "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, name: str, value: object | None = None) -> str:
        """Reads, or writes, net/... in this namespace."""
        path = f"/proc/sys/{name}"
        if value is not None:
            self.run("sh", "-c", f"echo {value} > {path}")
        return self.run("cat", path).strip()

    def addresses(self, device: str | None = None) -> set[str]:
        """Addresses with prefix length, as `ip -o addr` prints them."""
        device_words = f" dev {device}" if device else ""
        lines = self.ip(f"-o -4 addr show{device_words}").splitlines()
        return {line.split()[3] for line in lines}

    def pids(self) -> list[int]:
        return [int(pid) for pid in run("ip", "netns", "pids", self.namespace, check=False).split()]

    def kill_everything(self) -> None:
        for pid in self.pids():
            kill(pid, signal.SIGKILL)
        wait_for(f"processes in {self.namespace} are gone", lambda: not self.pids(), 10)


def kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end(process: subprocess.Popen | None, number: int = signal.SIGTERM, timeout: float = 10) -> None:
    """Signals a child and collects it; one that does not follow is killed."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
