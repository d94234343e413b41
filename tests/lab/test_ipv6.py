"""IPv6 virtual servers, with IPv6 real servers."""

from __future__ import annotations

from collections import Counter

from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.topology import VIP, VIP6

SIX = {"name": "web6", "address": VIP6, "label": "wan0:6"}


def answer(bench, address: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return bench.client.run("curl", "-sS", "--max-time", "10", f"http://{host}/whoami")


def test_both_families_are_served_side_by_side(make_bench):
    bench = make_bench(Settings(services=[Service(scheduler="rr"), Service(scheduler="rr", **SIX)]))
    for address in (VIP, VIP6):
        assert Counter(answer(bench, address) for _ in range(6)) == {"web-1": 2, "web-2": 2, "web-3": 2}


def test_the_address_is_there_at_once_and_goes_at_the_end(make_bench):
    bench = make_bench(Settings(services=[Service(**SIX)]))
    listed = bench.director.node.ip("-6 addr show dev wan0")
    line = next(line for line in listed.splitlines() if f"{VIP6}/64" in line)
    assert "nodad" in line and "tentative" not in line
    bench.director.stop()
    assert VIP6 not in bench.director.node.ip("-6 addr show dev wan0")


def test_a_failed_server_is_taken_out(make_bench):
    bench = make_bench(Settings(services=[Service(scheduler="rr", service_timeout="2s", **SIX)]))
    bench.webs["web-1"].kill()

    def is_out() -> bool:
        servers = bench.director.status()["virtual_servers"][0]["real_servers"]
        return [server["name"] for server in servers if server["in_pool"]] == ["web-2", "web-3"]
    wait_for("web-1 is out", is_out, 20)
    assert Counter(answer(bench, VIP6) for _ in range(4)) == {"web-2": 2, "web-3": 2}


def test_status_writes_addresses_in_brackets(make_bench):
    bench = make_bench(Settings(services=[Service(**SIX)]))
    shown = bench.director.shoal("status")
    assert f"[{VIP6}]:80" in shown and f"[{bench.lab.web_address6('web-1')}]:80" in shown
