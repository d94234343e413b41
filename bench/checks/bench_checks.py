"""`./run bench checks`: what checking costs, beside HAProxy with the same servers in the same run.

A thousand servers on 127.1.x.y, one after the other checked by Shoal and by HAProxy with one thread,
in a network namespace of its own, so that no firewall of the machine takes part.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 3.0


@dataclass(frozen=True)
class Case:
    name: str
    http: bool
    interval_ms: int
    targets: int = 1000


CASES = (
    Case("tcp_1000", False, 1000),
    Case("http_1000", True, 1000),
    Case("tcp_10000", False, 100),
)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


@contextlib.contextmanager
def responder(program: Path):
    with subprocess.Popen([program, "respond"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=10)


def shoal(program: Path, case: Case, port: int, seconds: int, *more: str) -> dict:
    words = [program, "check", "--targets", str(case.targets), "--interval-ms", str(case.interval_ms),
             "--seconds", str(seconds), "--port", str(port), *more]
    if case.http:
        words.append("--http")
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def haproxy_configuration(case: Case, port: int, directory: str) -> str:
    servers = "\n".join(
        f"  server s{number} 127.1.{number // 250}.{number % 250 + 1}:{port} check"
        for number in range(case.targets))
    check = "  option httpchk GET /\n" if case.http else ""
    return f"""global
  nbthread 1
defaults
  mode {"http" if case.http else "tcp"}
  timeout connect 500ms
  timeout check 500ms
  timeout client 10s
  timeout server 10s
  default-server inter {case.interval_ms}ms fall 3 rise 2
frontend nobody
  bind unix@{directory}/nobody.sock
  default_backend servers
backend servers
{check}{servers}
"""


def haproxy(case: Case, port: int, seconds: int) -> dict:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "haproxy.cfg")
        file.write_text(haproxy_configuration(case, port, directory))
        with subprocess.Popen(["haproxy", "-db", "-f", file], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(WARM_UP)
            if process.poll() is not None:
                raise RuntimeError("HAProxy does not start")
            begin, before = time.monotonic(), cpu_seconds(process.pid)
            time.sleep(seconds)
            cores = (cpu_seconds(process.pid) - before) / (time.monotonic() - begin)
            memory = resident_mb(process.pid)
            process.send_signal(signal.SIGTERM)
        return {"cores": cores, "rss_mb": memory}


def measure(program: Path, seconds: int, say) -> dict:
    figures = {}
    with responder(program) as port:
        for case in CASES:
            ours, theirs = shoal(program, case, port, seconds), haproxy(case, port, seconds)
            if ours["up"] != case.targets:
                raise RuntimeError(f"{case.name}: only {ours['up']} of {case.targets} are up")
            figures[case.name] = {
                "cores": round(ours["cores"], 4),
                "us_per_check": round(ours["us_per_check"], 1),
                "rss_mb": round(ours["rss_mb"], 1),
                "late_ms_p99": ours["late_ms_p99"],
                "late_ms_worst": ours["late_ms_worst"],
                "time_wait": ours["time_wait"],
                "haproxy": {"cores": round(theirs["cores"], 4), "rss_mb": round(theirs["rss_mb"], 1)},
            }
            say(case.name, figures[case.name])
    figures["fail_later_5000"] = all_fail(program)
    say("fail_later_5000", figures["fail_later_5000"])
    # Nothing listens on port 1 of a new network namespace.
    failing = Case("fail_5000", False, 1000, targets=5000)
    ours = shoal(program, failing, 1, 4, "--refused")
    figures[failing.name] = {"all_out_after_s": round(ours["all_out_after_s"], 2),
                             "late_ms_p99": ours["late_ms_p99"], "up": ours["up"]}
    say(failing.name, figures[failing.name])
    return figures


def all_fail(program: Path) -> dict:
    """5000 servers that are up and die together, beside 500 that go on."""
    with responder(program) as others_port:
        with subprocess.Popen([program, "respond"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dying:
            words = [program, "check", "--targets", "5000", "--interval-ms", "1000", "--seconds", "6",
                     "--port", dying.stdout.readline().strip(), "--others", "500", "--others-port", str(others_port)]
            with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as checker:
                time.sleep(2 * WARM_UP)
                dying.kill()
                died = time.monotonic()
                ours = json.loads(checker.communicate()[0])
    out = sorted(at - died for at in ours["down_at_s"])
    if len(out) != 5000 or out[0] < 0:
        raise RuntimeError(f"{len(out)} of 5000 went out, the first after {out[:1]} s")
    return {"median_out_after_s": round(out[2500], 2), "all_out_after_s": round(out[-1], 2),
            "late_ms_p99": ours["late_ms_p99"], "late_ms_worst": ours["late_ms_worst"], "others_up": ours["up"]}


def in_own_network() -> None:
    """Begins anew in a network namespace of its own, with loopback alone."""
    if os.environ.get("SHOAL_BENCH_NETWORK") == "own":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ["SHOAL_BENCH_NETWORK"] = "own"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    in_own_network()
    program = Path(os.environ["SHOAL_BUILD"], "bench/checks/bench_checks")

    def say(name: str, figures: dict) -> None:
        if not options.json:
            print(name, json.dumps(figures), flush=True)

    figures = measure(program, options.seconds, say)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
