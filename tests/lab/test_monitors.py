"""What a check may expect of real servers: status, body, record. Each kind and its misbehaving servers are in
test_kinds.py and test_hostile_servers.py."""

from __future__ import annotations

import itertools
import signal

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.hostile import start_hostile
from shoal_lab.servers import start_ftp_servers, start_web_servers
from shoal_lab.shell import kill, wait_for

PATIENCE = 30
FULL = 2005
NUMBERS = itertools.count()
FAST = {"interval": "500ms", "timeout": "500ms"}


def service(kind: str, port: int, **monitor: object) -> Service:
    # Each is new to the director, which would keep the verdict of one that it knows.
    return Service(name=f"{kind}-{port}-{next(NUMBERS)}", port=port, weights={"web-1": 1}, service_timeout="2s",
                   reentry_time="200ms", monitor={"type": kind, **FAST, **monitor})


@pytest.fixture(scope="module")
def bench(make_shared_bench):
    def servers(lab):
        webs = start_web_servers(lab)
        start_ftp_servers(lab)
        node = lab.webs[0]
        node.start("dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file",
                   "--host-record=www.example.com,192.0.2.80", "--mx-host=example.com,mail.example.com,10", "--user=root")
        start_hostile(node, lab.directory, [{"port": FULL, "act": "saying", "says": b"421 too many users\r\n".hex()}])
        wait_for("dnsmasq", lambda: ":53 " in node.run("ss", "-Htln"), PATIENCE)
        return webs
    return make_shared_bench(Settings(services=[service("http", 80, path="/alive")]), servers=servers)


def wait_for_health(bench, expected: str, reason: str = "") -> None:
    """Of the one real server; a busy machine may make single checks fail for other reasons."""
    def is_so() -> bool:
        server = bench.director.status()["virtual_servers"][0]["real_servers"][0]
        return server["health"] == expected and (reason in server["reason"] if reason else True)
    wait_for(f"the real server is {expected}: {reason}", is_so, PATIENCE)


def check(bench, what: Service, expected: str, reason: str = "") -> None:
    bench.director.apply(Settings(services=[what]))
    wait_for_health(bench, expected, reason)


@pytest.mark.parametrize("what", [
    service("http", 80, path="/alive", expect_pattern="^alive$"),
    service("http", 80, path="/bytes/missing", status=404),
    service("https", 443, path="/", expect_pattern="web-1"),
    service("tls", 443),
    service("icmp", 80),
    service("ftp", 21),
    service("dns", 53, protocol="udp", query_name="www.example.com", answer="192.0.2.80"),
    service("dns", 53, query_name="example.com", query_type="MX", answer="10 mail.example.com"),
], ids=lambda what: f"{what.monitor['type']}-{what.port}-{what.monitor.get('protocol', 'tcp')}")
def test_a_server_that_answers_right_is_up(bench, what):
    check(bench, what, "up")


@pytest.mark.parametrize("what, reason", [
    (service("http", 80, path="/bytes/missing"), 'answered 404 "Not Found" instead of 200-399'),
    (service("http", 80, path="/", expect_pattern="^web-2"), 'answered 200, but with "web-1", which "^web-2" does not match'),
    (service("http", 443, path="/"), 'answered 400 "Bad Request" instead of 200-399'),
    (service("http", 21), 'not HTTP: answered "220 (vsFTPd 3.0.3)\\r\\n"'),
    (service("ftp", 80), ""),
    (service("dns", 53, protocol="udp", query_name="www.example.com", answer="192.0.2.81"), 'answered "192.0.2.80" instead of "192.0.2.81"'),
    (service("dns", 53, protocol="udp", query_name="www.example.org"), "answered REFUSED"),
    (service("redis", 21), 'answered "220 (vsFTPd 3.0.3)\\r\\n" instead of what a Redis server says'),
    (service("ftp", FULL), 'refuses: "421 too many users"'),
    (service("smtp", 2999), "connection refused"),
], ids=lambda item: f"{item.monitor['type']}-{item.port}" if isinstance(item, Service) else "")
def test_a_server_that_does_not_is_down_for_its_reason(bench, what, reason):
    check(bench, what, "down", reason)


def test_a_stopped_server_is_down_and_comes_back(bench):
    check(bench, service("http", 80, path="/alive"), "up")
    web = bench.webs["web-1"]
    for pid in web.pids():
        kill(pid, signal.SIGSTOP)
    wait_for_health(bench, "down", "no answer within")
    for pid in web.pids():
        kill(pid, signal.SIGCONT)
    wait_for_health(bench, "up")
    web.well(False)
    wait_for_health(bench, "down", "answered 404")
    web.well(True)
    wait_for_health(bench, "up")
