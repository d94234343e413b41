"""The table of connections becomes larger and smaller while everything goes on."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import LoadProcess, sequential
from shoal_lab.servers import start_ftp_servers
from shoal_lab.shell import CommandFailed, wait_for
from shoal_lab.topology import VIP, WEBS

SMALL, LARGE = 1 << 14, 1 << 16
CONTENT = hashlib.sha256(b"x" * 1024 * 1024).digest()


def settings(cells: int, **options: object) -> Settings:
    return Settings(table_size=cells, services=[Service(options=options)])


def table(bench) -> dict:
    return bench.director.status()["table"]


def wait_until_moved(bench, cells: int) -> None:
    def moved() -> bool:
        now = table(bench)
        return now["size"] == cells and now["former_size"] == 0
    wait_for(f"one table of {cells} cells", moved, 60, pause=0.1)


def fetch_slowly(bench, file: Path) -> subprocess.Popen:
    """A megabyte in 4 s."""
    return bench.client.start("curl", "-sS", "--max-time", "90", "-o", file, f"http://{VIP}/slow/1m")


@pytest.mark.parametrize("method, xdp", [("nat", False), ("nat", True), ("direct", False)])
def test_nothing_is_lost_while_the_table_grows_and_shrinks(make_bench, tmp_path, method, xdp):
    bench = make_bench(settings(SMALL), method=method, xdp=xdp)

    def sized(cells: int) -> Settings:
        wanted = settings(cells)
        wanted.hook = "xdp" if xdp else "auto"
        return wanted

    load = LoadProcess(bench.client, VIP, new=6, keep_alive=6, pause=0.05, seconds=600)
    load.wait_for_requests(100)
    fetches = {tmp_path / str(number): fetch_slowly(bench, tmp_path / str(number)) for number in range(6)}
    for cells, killed in ((LARGE, False), (SMALL, False), (LARGE, True), (SMALL, True)):
        said = bench.director.shoal("apply", bench.director.write(sized(cells)))
        assert f"to one of {cells}" in said, said
        if killed:
            bench.director.restart()
        wait_until_moved(bench, cells)
        load.wait_for_requests(load.now["requests"] + 200, 60)
    for file, fetch in fetches.items():
        assert fetch.wait(120) == 0 and hashlib.sha256(file.read_bytes()).digest() == CONTENT
    report = load.stop()
    assert report["failed"] == 0 and report["broken"] == 0, report
    counted = sum(server["active_connections"] + server["inactive_connections"]
                  for server in bench.director.status()["virtual_servers"][0]["real_servers"])
    assert counted == len(bench.director.connections())
    bench.director.stop()


def test_clients_stay_with_their_servers(make_bench):
    bench = make_bench(settings(SMALL, persistence="60s"))
    clients = {}
    for cells in (LARGE, SMALL):
        served = sequential(bench.client, VIP, 3)
        assert len(served) == 1
        clients.update(served)
        bench.director.apply(settings(cells, persistence="60s"))
        clients.update(sequential(bench.client, VIP, 20))
        wait_until_moved(bench, cells)
    clients.update(sequential(bench.client, VIP, 3))
    assert len(clients) == 1, clients


def test_ftp_sessions_open_data_connections_afterwards(make_bench):
    greeting = {"send": "QUIT\\r\\n", "expect": "220", "interval": "500ms", "timeout": "400ms"}

    def ftp(cells: int) -> Settings:
        return Settings(table_size=cells, services=[Service(name="ftp", port=21, scheduler="rr", monitor=greeting)])

    bench = make_bench(ftp(SMALL), servers=start_ftp_servers)
    urls = [f"ftp://{VIP}/{file}" for file in ("whoami", "1m", "whoami")]
    sessions = [bench.client.start("curl", "-sS", "--limit-rate", "128k", "--max-time", "90", "--ftp-port", "-",
                                   "--disable-eprt", *urls, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    wait_for("data connections", lambda: sum(
        entry["virtual_port"] == 20 for entry in bench.director.connections()) >= 8, 20)
    bench.director.apply(ftp(LARGE))
    wait_until_moved(bench, LARGE)
    assert all(session.poll() is None for session in sessions), "they last longer than that"
    for session in sessions:
        text, _ = session.communicate(timeout=90)
        name, _, rest = text.partition("x" * 1024 * 1024)
        assert session.returncode == 0 and name == rest and name in WEBS
    bench.director.stop()


def test_a_table_that_is_too_small_is_refused_and_nothing_changes(make_bench):
    bench = make_bench(settings(4096))
    load = LoadProcess(bench.client, VIP, new=8, seconds=600)
    wait_for("1000 connections", lambda: table(bench)["used"] > 1000, 60)
    load.stop()
    with pytest.raises(CommandFailed, match="1024 cells is too small"):
        bench.director.apply(settings(1024))
    assert table(bench)["size"] == 4096
    assert sum(sequential(bench.client, VIP, 10).values()) == 10
