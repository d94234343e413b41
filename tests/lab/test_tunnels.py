"""What changes for tunnels while they are in use; the rest of them is in test_matrix.py."""

from __future__ import annotations

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import sequential
from shoal_lab.topology import VIP


def test_another_type_of_tunnel_holds_from_the_next_packet_on(make_bench):
    def settings(tunnel: str) -> Settings:
        return Settings(hook="tc", services=[Service(scheduler="rr", options={"tunnel_type": tunnel})])

    bench = make_bench(settings("ipip"), method="tunnel")
    assert sum(sequential(bench.client, VIP, 9).values()) == 9
    for tunnel in ("gue", "gre"):
        bench.director.apply(settings(tunnel))
        assert sum(sequential(bench.client, VIP, 9).values()) == 9
