"""A shoald of another version, whose connections are laid out in another way, takes over; and back."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.director import SHOALD
from shoal_lab.load import LoadProcess, sequential
from shoal_lab.servers import start_ftp_servers
from shoal_lab.shell import BUILD, run, wait_for
from shoal_lab.topology import VIP, VIP6, WEBS

CELLS = 1 << 14
OTHER = BUILD / "bin/shoald_of_other_version"
SIX = {"name": "web6", "address": VIP6, "label": "wan0:6"}
CONTENT = hashlib.sha256(b"x" * 1024 * 1024).digest()
MOVED = re.compile(r"from layout version \d+ to \d+$")


@pytest.fixture(scope="module", autouse=True)
def other_version():
    assert OTHER.is_file(), "build it: ninja -C build/dev shoald_of_other_version"


def both_families(**options: object) -> Settings:
    return Settings(table_size=CELLS, services=[Service(options=options), Service(options=options, **SIX)])


def pinned_map(bench) -> int:
    """The identity of the map of connections; 0 where there is none."""
    shown = run("bpftool", "-j", "map", "show", "pinned", bench.lab.pin_directory / "connections")
    return json.loads(shown)["id"]


def moves(bench) -> int:
    return sum(1 for event in bench.director.events() if MOVED.search(event))


def start_version(bench, program: Path, kills: int = 0) -> None:
    """In the place of the one that runs; killed as often while connections move."""
    director, former, before = bench.director, pinned_map(bench), moves(bench)
    director.end()
    director.program = program
    for kill in range(kills):
        director.spawn()
        if kill == 0:
            wait_for("two tables", (bench.lab.pin_directory / "successor/settings").exists, 15, pause=0.001)
        else:
            wait_for("the move", lambda: moves(bench) > before, 15, pause=0.001)
        director.kill()
    director.start()
    wait_for("one table", lambda: director.status()["table"]["former_size"] == 0, 60)
    assert pinned_map(bench) != former
    assert not list(bench.lab.pin_directory.glob("successor/*")) + list(bench.lab.pin_directory.glob("promoted/*"))
    # The kernel frees it some time after the last program that used it.
    wait_for("the former map is gone", lambda: not run("bpftool", "map", "show", "id", str(former), check=False), 10)
    director.wait_until_serving()


def fetch_slowly(bench, host: str, file: Path) -> subprocess.Popen:
    """A megabyte in 4 s."""
    return bench.client.start("curl", "-sS", "--max-time", "90", "-o", file, f"http://{host}/slow/1m")


def counted(bench) -> int:
    return sum(server["active_connections"] + server["inactive_connections"]
               for service in bench.director.status()["virtual_servers"] for server in service["real_servers"])


@pytest.mark.parametrize("method, xdp", [("nat", False), ("nat", True), ("direct", False)])
def test_nothing_is_lost_by_an_upgrade_and_the_way_back(make_bench, tmp_path, method, xdp):
    bench = make_bench(both_families(), method=method, xdp=xdp)
    loads = [LoadProcess(bench.client, host, new=3, keep_alive=3, pause=0.05, seconds=600) for host in (VIP, VIP6)]
    for load in loads:
        load.wait_for_requests(50)
    fetches = {tmp_path / f"{number}-{len(host)}": (host, number) for number in range(3) for host in (VIP, f"[{VIP6}]")}
    fetches = {file: fetch_slowly(bench, host, file) for file, (host, _) in fetches.items()}
    for program, kills in ((OTHER, 0), (SHOALD, 0), (OTHER, 2), (SHOALD, 2)):
        start_version(bench, program, kills)
        assert moves(bench) >= 1, bench.director.events()
        for load in loads:
            load.wait_for_requests(load.now["requests"] + 100, 60)
    for file, fetch in fetches.items():
        assert fetch.wait(120) == 0 and hashlib.sha256(file.read_bytes()).digest() == CONTENT
    for load in loads:
        report = load.stop()
        assert report["failed"] == 0 and report["broken"] == 0, report
    assert counted(bench) == len(bench.director.connections())
    bench.director.stop()


def test_clients_stay_with_their_servers(make_bench):
    bench = make_bench(both_families(persistence="60s"))
    clients: dict[str, set[str]] = {VIP: set(), VIP6: set()}
    for program in (OTHER, SHOALD):
        for host, servers in clients.items():
            servers.update(sequential(bench.client, host, 3))
        start_version(bench, program)
        for host, servers in clients.items():
            servers.update(sequential(bench.client, host, 20))
    assert [len(servers) for servers in clients.values()] == [1, 1], clients


def test_ftp_sessions_open_data_connections_afterwards(make_bench):
    greeting = {"send": "QUIT\\r\\n", "expect": "220", "interval": "500ms", "timeout": "400ms"}
    ftp = Service(name="ftp", port=21, scheduler="rr", monitor=greeting)
    bench = make_bench(Settings(table_size=CELLS, services=[ftp]), servers=start_ftp_servers)
    urls = [f"ftp://{VIP}/{file}" for file in ("whoami", "1m", "whoami")]
    sessions = [bench.client.start("curl", "-sS", "--limit-rate", "128k", "--max-time", "90", "--ftp-port", "-",
                                   "--disable-eprt", *urls, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    wait_for("data connections", lambda: sum(
        entry["virtual_port"] == 20 for entry in bench.director.connections()) >= 8, 20)
    start_version(bench, OTHER)
    assert all(session.poll() is None for session in sessions), "they last longer than that"
    for session in sessions:
        text, _ = session.communicate(timeout=90)
        name, _, rest = text.partition("x" * 1024 * 1024)
        assert session.returncode == 0 and name == rest and name in WEBS
    bench.director.stop()
