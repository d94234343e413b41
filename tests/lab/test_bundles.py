"""Virtual servers of several ports: firewall marks, any port, ranges; and persistence over them."""

from __future__ import annotations

import pytest

from shoal_lab.configuration import Mark, Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.topology import SECOND_VIP, VIP, WEBS
from shoal_lab.visitor import Visitor

OPEN_PORT = {"interval": "200ms", "timeout": "150ms"}
HERE, THERE = "198.51.100.0/24", "203.0.113.0/24"


def bundle(**options: object) -> Settings:
    """http and https of one firewall mark, one virtual server each, as the manuals have it."""
    options = {"firewall_mark": 80, **options}
    return Settings(marks=[Mark(80, [80, 443])], services=[
        Service(name="web", scheduler="rr", reentry_time="1s", options=options),
        Service(name="secure", port=443, scheduler="rr", reentry_time="1s", monitor=OPEN_PORT, options=options)])


def visit(visitor: Visitor, sources: list[str], requests: int = 3) -> dict[str, set]:
    """Which real servers each client met over http and https."""
    return {source: {visitor.get(source=source, port=443 if https else 80, https=https)
                     for _ in range(requests) for https in (False, True)} for source in sources}


def test_a_mark_with_persistence_keeps_each_client_on_one_real_server(make_bench):
    bench = make_bench(bundle(persistence="60s"))
    clients = bench.lab.add_clients(HERE, 20)
    others = bench.lab.add_clients(THERE, 4)
    with Visitor(bench.client) as visitor:
        met = visit(visitor, clients)
        assert all(len(servers) == 1 for servers in met.values()), met
        assert set.union(*met.values()) == set(WEBS)

        bench.director.apply(bundle(persistence="60s", persistence_netmask="255.255.255.0"))
        for network in (clients, others):
            met = visit(visitor, network)
            assert len(set.union(*met.values())) == 1, met

        bench.director.apply(bundle())
        met = visit(visitor, clients)
        assert all(len(servers) > 1 and None not in servers for servers in met.values()), met


def test_either_check_of_one_mark_takes_the_real_server_out(make_bench):
    bench = make_bench(bundle())
    status = bench.director.server

    def both(inside: bool) -> bool:
        return all(status("web-2", service)["in_pool"] is inside for service in ("web", "secure"))

    with Visitor(bench.client) as visitor:
        bench.webs["web-2"].serve_https(False)
        wait_for("web-2 is out of both", lambda: both(False), 5)
        assert set(visitor.count(20)) == {"web-1", "web-3"}
        assert set(visitor.count(20, port=443, https=True)) == {"web-1", "web-3"}
        bench.webs["web-2"].serve_https(True)
        wait_for("web-2 is back in both", lambda: both(True), 8)
        assert set(visitor.count(20)) == set(WEBS)


@pytest.mark.parametrize("keep", [False, True], ids=["gives up", "keeps"])
def test_a_quiesced_server_and_its_persistent_clients(make_bench, keep):
    settings = bundle(persistence="60s", keep_quiesced_clients=keep)
    bench = make_bench(settings)
    clients = bench.lab.add_clients(HERE, 9)
    with Visitor(bench.client) as visitor:
        before = {source: visitor.get(source=source) for source in clients}
        assert set(before.values()) == set(WEBS)
        for service in settings.services:
            service.weights["web-1"] = 0
        bench.director.apply(settings)
        after = {source: visitor.get(source=source) for source in clients}
    if keep:
        assert after == before
    else:
        assert set(after.values()) == {"web-2", "web-3"}
        assert {source: name for source, name in after.items() if before[source] != "web-1"} \
            == {source: name for source, name in before.items() if name != "web-1"}


def test_any_port_and_a_range_of_ports(make_bench):
    bench = make_bench(Settings(services=[
        Service(name="all", port=0, monitor={"type": "none"}, options={"persistence": "60s"}),
        Service(name="range", address=SECOND_VIP, label="wan0:2", port="8000-8003", scheduler="rr",
                monitor=OPEN_PORT)]))
    clients = bench.lab.add_clients(HERE, 9)
    with Visitor(bench.client) as visitor:
        met = {source: {visitor.get(source=source, port=port, https=port == 443) for port in (80, 443, 8000, 8019)}
               for source in clients}
        assert all(len(servers) == 1 for servers in met.values()), met
        assert set.union(*met.values()) == set(WEBS)

        inside = sum((visitor.count(3, host=SECOND_VIP, port=port) for port in range(8000, 8004)), start=visitor.count(0))
        assert inside == {name: 4 for name in WEBS}
        assert visitor.get(host=SECOND_VIP, port=8004, timeout=1) is None
    ports = {entry["real_port"] for entry in bench.director.connections() if entry["virtual_address"] == VIP}
    assert {80, 443, 8000, 8019} <= ports
