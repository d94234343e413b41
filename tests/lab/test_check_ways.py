"""Checks that go to the virtual address: real servers that are well, but do not accept it."""

from __future__ import annotations

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import sequential
from shoal_lab.shell import wait_for
from shoal_lab.topology import VIP, VIP6

PATIENCE = 30
HTTP = {"type": "http", "interval": "300ms", "timeout": "200ms"}
THERE = {**HTTP, "to": "virtual-address"}


def service(address: str = VIP, monitor: dict | None = None, **more: object) -> Service:
    return Service(address=address, service_timeout="1s", reentry_time="300ms", monitor=monitor or THERE, **more)


def plain() -> Service:
    """The same real servers, asked at their own addresses."""
    return service(monitor={**HTTP, "port": 80}, name="plain", port=81)


def wait_for_health(bench, name: str, expected: str, of: str = "web") -> dict:
    def is_so() -> dict | None:
        server = bench.director.server(name, of)
        return server if server["health"] == expected else None
    return wait_for(f"{of}/{name} is {expected}", is_so, PATIENCE)


def wait_until_all_are_up(bench) -> None:
    for name in bench.webs:
        wait_for_health(bench, name, "up")


def filters(bench) -> str:
    return "".join(bench.lab.director.run("tc", "filter", "show", "dev", "wan0", side) for side in ("ingress", "egress"))


@pytest.mark.parametrize("xdp", [False, True], ids=["tc", "xdp"])
@pytest.mark.parametrize("address, prefix", [(VIP, "32"), (VIP6, "128")], ids=["ipv4", "ipv6"])
def test_a_server_without_the_virtual_address_is_out_until_it_has_it(make_bench, address, prefix, xdp):
    bench = make_bench(Settings(services=[service(address), plain()]), method="direct", xdp=xdp)
    wait_until_all_are_up(bench)
    web = bench.lab.node("web-1")
    web.ip(f"addr del {address}/{prefix} dev lo")
    down = wait_for_health(bench, "web-1", "down")
    assert f"asked at the virtual address {address}" in down["reason"]
    wait_for_health(bench, "web-1", "up", of="plain")
    bench.director.wait_for_pool("web-1", False, PATIENCE)
    assert set(sequential(bench.client, address, 6)) == {"web-2", "web-3"}
    options = "" if address == VIP else "nodad"
    web.ip(f"addr add {address}/{prefix} dev lo {options}")
    wait_for_health(bench, "web-1", "up")


@pytest.mark.parametrize("tunnel", ["ipip", "gre", "gue"])
@pytest.mark.parametrize("address", [VIP, VIP6], ids=["ipv4", "ipv6"])
def test_a_server_whose_tunnel_has_no_end_is_out(make_bench, tunnel, address):
    bench = make_bench(Settings(services=[service(address, options={"tunnel_type": tunnel}), plain()]), method="tunnel")
    wait_until_all_are_up(bench)
    bench.lab.node("web-1").run("tc", "filter", "del", "dev", "eth0", "ingress")
    wait_for_health(bench, "web-1", "down")
    wait_for_health(bench, "web-1", "up", of="plain")
    bench.lab.end_tunnels(bench.lab.node("web-1"))
    wait_for_health(bench, "web-1", "up")


def test_datagrams_go_there_too(make_bench):
    def servers(lab):
        for web in lab.webs:
            web.start("dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file",
                      "--host-record=www.example.com,192.0.2.80", "--user=root")
        return {web.name: web for web in lab.webs}

    dns = {**THERE, "type": "dns", "query_name": "www.example.com"}
    bench = make_bench(Settings(services=[service(monitor=dns, protocol="udp", port=53)]), method="direct", servers=servers)
    wait_until_all_are_up(bench)
    web = bench.lab.node("web-1")
    web.ip(f"addr del {VIP}/32 dev lo")
    wait_for_health(bench, "web-1", "down")
    web.ip(f"addr add {VIP}/32 dev lo")
    wait_for_health(bench, "web-1", "up")


def test_people_are_told_whom_a_check_asks(make_bench):
    bench = make_bench(Settings(services=[service()]), method="direct")
    wait_until_all_are_up(bench)
    own = bench.lab.web_address("web-1")
    assert f"http {VIP}:80 on {own}" in bench.director.shoal("health")
    transcript = bench.director.shoal("check-now", "web", "web-1")
    assert f"connecting to {VIP} on {own} by direct routing, port 80" in transcript
    assert "answered" in transcript


def test_they_go_on_after_a_kill_and_nothing_is_left_after_a_stop(make_bench):
    bench = make_bench(Settings(services=[service()]), method="direct")
    wait_until_all_are_up(bench)
    bench.director.kill()
    assert "shoal_check_out" in filters(bench)
    bench.director.restart()
    wait_until_all_are_up(bench)
    bench.lab.node("web-2").ip(f"addr del {VIP}/32 dev lo")
    wait_for_health(bench, "web-2", "down")
    bench.director.apply(Settings(services=[service(monitor=HTTP)]))
    wait_for_health(bench, "web-2", "up")
    assert "shoal_check" not in filters(bench)
    bench.director.apply(Settings(services=[service()]))
    wait_for_health(bench, "web-2", "down")
    bench.director.stop()
    assert "shoal" not in filters(bench)


def test_filters_that_somebody_removes_make_nobody_up_and_come_back(make_bench):
    bench = make_bench(Settings(services=[service()]), method="direct")
    wait_until_all_are_up(bench)
    bench.lab.node("web-3").ip(f"addr del {VIP}/32 dev lo")
    wait_for_health(bench, "web-3", "down")
    bench.lab.director.run("tc", "filter", "del", "dev", "wan0", "egress")
    # Until the self-check has them back, web-3 answers at its own address, which counts for nothing.
    wait_for("the filters are back", lambda: "shoal_check_out" in filters(bench), PATIENCE)
    assert bench.director.server("web-3")["health"] == "down"
