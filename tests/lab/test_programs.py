"""Sending programs, run by shoal-run: examples/check-dns asks Debian's dnsmasq."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import ROOT, end, wait_for
from shoal_lab.topology import Lab


class NameServer:
    """dnsmasq on one node, with authority over example.com."""

    def __init__(self, lab: Lab, node):
        self.node = node
        self.process: subprocess.Popen | None = None
        self.start("dns.example.com")

    def start(self, origin: str) -> None:
        """`origin` is the first name of the SOA record."""
        end(self.process, signal.SIGKILL)
        self.process = self.node.start(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
            "--pid-file", f"--auth-server={origin},eth0", "--auth-zone=example.com", "--auth-soa=1,host.example.com",
            stderr=subprocess.DEVNULL)
        wait_for(f"dnsmasq of {self.node.name}", lambda: ":53 " in self.node.run("ss", "-Huln"), 20)

    def kill(self) -> None:
        end(self.process, signal.SIGKILL)


def start_name_servers(lab: Lab) -> dict[str, NameServer]:
    shutil.copy(ROOT / "examples/check-dns", lab.directory / "check-dns")
    (lab.directory / "check-dns").chmod(0o755)
    return {node.name: NameServer(lab, node) for node in lab.webs}


class Check:
    """A script that the directors of this file's tests may be told to run."""

    def __init__(self, lab: Lab):
        self.file = lab.directory / "check"

    def says(self, lines: str) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"#!/bin/sh\n{lines}\n")
        fresh.chmod(0o755)
        fresh.rename(self.file)


def dns(monitor: dict[str, object]) -> Settings:
    return Settings(services=[Service(
        name="dns", protocol="udp", port=53, service_timeout="3s", reentry_time="1s",
        monitor={"expect": "OK", "interval": "1s", "timeout": "900ms", **monitor})])


def wait_for_health(director, name: str, health: str, reason: str = "") -> None:
    def so() -> bool:
        server = director.server(name, "dns")
        return server["health"] == health and reason in (server["reason"] or "")
    wait_for(f"{name} is {health} {reason}", so, 60)


@pytest.fixture
def bench(make_bench, tmp_path_factory):
    """Three name servers; the program is found where it will be made."""
    def start(program: str, *words: str):
        def servers(lab):
            Check(lab).says("echo OK")
            settings.services[0].monitor["sending_program"] = [str(lab.directory / program), *words]
            return start_name_servers(lab)
        settings = dns({"sending_program": []})
        made = make_bench(settings, servers=servers)
        made.check = Check(made.lab)
        return made
    return start


def test_a_name_server_that_answers_wrongly_is_out_until_it_answers_rightly(bench):
    made = bench("check-dns", "%h")
    director = made.director
    made.webs["web-1"].start("other.example.net")
    wait_for_health(director, "web-1", "down", 'the program said "FAIL" instead of "OK"')
    wait_for_health(director, "web-2", "up")
    made.webs["web-1"].start("dns.example.com")
    wait_for_health(director, "web-1", "up")
    made.webs["web-3"].kill()
    wait_for_health(director, "web-3", "down")


@pytest.mark.parametrize("lines, reason", [
    ("echo NO; exit 0", 'the program said "NO" instead of "OK"'),
    ("echo no route >&2; exit 3", "the program ended with code 3: no route"),
    ("kill -SEGV $$", "the program was killed by signal 11"),
    ("exec sleep 1000", "longer than"),
])
def test_each_way_to_fail_is_told(bench, lines, reason):
    made = bench("check", "%h")
    made.check.says(f'[ "$1" != {made.lab.web_address("web-2")} ] || {{ {lines}; }}\necho OK')
    wait_for_health(made.director, "web-2", "down", reason)
    wait_for_health(made.director, "web-1", "up")
    made.check.says("echo OK")
    wait_for_health(made.director, "web-2", "up")


def test_a_missing_program_takes_its_servers_out(bench):
    made = bench("check")
    made.check.file.unlink()
    for name in ("web-1", "web-2", "web-3"):
        wait_for_health(made.director, name, "down", "the program cannot be started: ")


def test_a_program_has_no_rights(bench):
    made = bench("check", "%h", "%p", "%v", "%n")
    seen = made.lab.directory / "seen"
    seen.mkdir()
    seen.chmod(0o777)
    made.check.says(f'(echo "$@"; id -u; id -G; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status) '
                    f'>{seen}/new.$4 && mv {seen}/new.$4 {seen}/$4; echo OK')
    lines = wait_for("the program ran", lambda: (seen / "web-2").exists() and (seen / "web-2").read_text(), 30)
    words, uid, groups, *rights = lines.splitlines()
    assert words == f"{made.lab.web_address('web-2')} 53 192.0.2.80 web-2"
    assert uid == "65534" and groups == "65534"
    assert "NoNewPrivs:\t1" in rights and "CapEff:\t0000000000000000" in rights


def test_while_shoal_run_is_dead_servers_stay_as_they_are(bench):
    made = bench("check", "%h")
    director = made.director
    os.kill(runner_pid(director), signal.SIGKILL)
    wait_for("it is missed", lambda: any("programs_not_run" in line for line in director.events()), 30)
    made.check.says("echo NO")
    # Longer than the service timeout and what would be needed to go out.
    checks = made.director.server("web-1", "dns")
    assert checks["health"] == "up"
    director.start_runner()
    for name in ("web-1", "web-2", "web-3"):
        wait_for_health(director, name, "down", 'said "NO"')


def runner_pid(director) -> int:
    return director.runner.pid
