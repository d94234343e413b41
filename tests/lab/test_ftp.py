"""FTP with vsftpd on the real servers, curl and lftp as clients."""

from __future__ import annotations

import subprocess

import pytest

from shoal_lab.configuration import Mark, Service, Settings
from shoal_lab.servers import start_ftp_servers
from shoal_lab.topology import VIP, WEBS

GREETING = {"send": "QUIT\\r\\n", "expect": "220", "interval": "500ms", "timeout": "400ms"}


def ftp(*marks: Mark, **options: object) -> Settings:
    return Settings(marks=list(marks), services=[
        Service(name="ftp", port=21, scheduler="rr", monitor=GREETING, options=options)])


BY_MARK = ftp(Mark(21, [21, "10000-10100"]), firewall_mark=21, persistence="60s")
BY_PERSISTENCE = ftp(persistence="60s")  # of port 21: takes the data connections too, as IPVS does
PLAIN = ftp()

# curl would otherwise take the control connection's address instead of the one that PASV names.
PASSIVE = ["--no-ftp-skip-pasv-ip", "--disable-epsv"]
EXTENDED = ["--ftp-pasv"]
ACTIVE = ["--ftp-port", "-", "--disable-eprt"]


@pytest.fixture
def start(make_bench):
    """start(settings): a director before vsftpd, and eight clients."""
    def begin(settings: Settings):
        bench = make_bench(settings, servers=start_ftp_servers)
        return bench, bench.lab.add_clients("198.51.100.0/24", 8)
    return begin


def fetch_at_once(bench, clients: list[str], words: list[str]) -> list[str]:
    """Each client fetches the server's name twice and a large file in one session, all at the same
    time; the names."""
    urls = [f"ftp://{VIP}/{file}" for file in ("whoami", "1m", "whoami")]
    running = [bench.client.start("curl", "-sS", "--max-time", "20", "--interface", client, *words, *urls,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for client in clients]
    names = []
    for process in running:
        text, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        name, _, rest = text.partition("x" * 1024 * 1024)
        assert name == rest, text[-200:]
        names.append(name)
    return names


def lftp(bench, client: str, *settings: str) -> str:
    commands = [*(f"set {setting}" for setting in settings), f"set net:socket-bind-ipv4 {client}",
                "set net:max-retries 1", "set net:timeout 5", "set ftp:fix-pasv-address no", "cat whoami", "bye"]
    return bench.client.run("lftp", "--norc", "-e", "; ".join(commands), f"ftp://{VIP}", timeout=30)


def test_passive_by_a_mark_and_by_persistence(start):
    bench, clients = start(BY_MARK)
    for settings in (BY_MARK, BY_PERSISTENCE):
        bench.director.apply(settings)
        for words in (PASSIVE, EXTENDED):
            assert set(fetch_at_once(bench, clients, words)) == set(WEBS)
        assert lftp(bench, clients[0], "ftp:passive-mode yes", "ftp:prefer-epsv no") in WEBS


def test_active_connections_come_from_the_virtual_address_and_port_20(start):
    bench, clients = start(PLAIN)
    assert set(fetch_at_once(bench, clients, ACTIVE)) == set(WEBS)
    # lftp refuses a data connection from anywhere else.
    assert lftp(bench, clients[0], "ftp:passive-mode no", "ftp:prefer-epsv no", "ftp:verify-address yes",
                "ftp:verify-port yes") in WEBS
    data = [entry for entry in bench.director.connections() if entry["virtual_port"] == 20]
    assert len(data) >= 3 * len(clients) and {entry["virtual_address"] for entry in data} == {VIP}
    assert {entry["real_port"] for entry in data} == {20}


def test_a_real_servers_port_20_reaches_only_clients_with_a_session(start):
    """What is from port 20 but of no session is not the director's to translate."""
    bench, clients = start(PLAIN)
    bench.client.ip("route add 10.11.12.0/24 via 192.0.2.1")
    listener = bench.client.start("python3", "-c", LISTENER, clients[0], stdout=subprocess.PIPE, text=True)
    assert listener.stdout.readline() == "ready\n"
    bench.lab.webs[0].run("python3", "-c", FROM_PORT_20, clients[0])
    assert listener.stdout.readline().strip() == bench.lab.web_address("web-1")
    assert [entry for entry in bench.director.connections() if entry["virtual_port"] == 20] == []


LISTENER = """
import socket, sys
with socket.create_server((sys.argv[1], 5555)) as server:
    print("ready", flush=True)
    print(server.accept()[1][0], flush=True)
"""
FROM_PORT_20 = """
import socket, sys
socket.create_connection((sys.argv[1], 5555), timeout=5, source_address=("", 20)).close()
"""
