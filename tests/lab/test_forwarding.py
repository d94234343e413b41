"""What forwarding does beside carrying traffic, which test_matrix.py tries by every method."""

from __future__ import annotations

import json
import sys

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import sequential
from shoal_lab.servers import UDP_PORT, start_udp_servers
from shoal_lab.topology import CLIENT, SECOND_VIP, VIP

ONE_PORT_CLIENT = """
import collections, json, socket, sys
answers = collections.Counter()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(3)
    client.connect((sys.argv[1], int(sys.argv[3])))
    for number in range(int(sys.argv[2])):
        client.send(b"ping %d" % number)
        answers[client.recv(100).partition(b" ")[0].decode()] += 1
print(json.dumps(answers))
"""


def test_one_packet_scheduling_spreads_the_datagrams_of_one_client(make_bench):
    def settings(one_packet: bool) -> Settings:
        return Settings(services=[Service(name="echo", protocol="udp", port=UDP_PORT, scheduler="rr",
                                          monitor={"type": "none"}, options={"one_packet": one_packet})])

    def answers() -> dict[str, int]:
        return json.loads(bench.client.run(sys.executable, "-c", ONE_PORT_CLIENT, VIP, "30", str(UDP_PORT)))

    bench = make_bench(settings(True), method="direct")
    start_udp_servers(bench.lab, VIP)
    assert answers() == {"web-1": 10, "web-2": 10, "web-3": 10}
    assert bench.director.connections() == []
    assert bench.director.status()["virtual_servers"][0]["counters"]["connections"] == 30
    bench.director.apply(settings(False))
    assert list(answers().values()) == [30]


def test_real_servers_see_the_clients_own_address(bench):
    """NAT changes the destination alone."""
    sequential(bench.client, VIP, 3)
    clients = {connection["client"] for connection in bench.director.connections()}
    assert clients == {CLIENT}


def test_what_is_not_balanced_is_left_to_the_kernel(bench):
    """The director's own addresses answer as on any host: a closed port refuses, ARP replies."""
    assert "Connection refused" in bench.client.run("curl", "-sS", "http://192.0.2.1/", "--stderr", "-", check=False) \
        or "Couldn't connect" in bench.client.run("curl", "-sS", "http://192.0.2.1/", "--stderr", "-", check=False)
    assert "192.0.2.1" in bench.client.ip("neigh show nud reachable")


def test_two_virtual_servers_of_one_subnet_and_one_goes(make_bench):
    both = [Service(name="web", scheduler="rr"), Service(name="shop", address=SECOND_VIP, label="wan0:2")]
    bench = make_bench(Settings(services=both))
    assert sum(sequential(bench.client, SECOND_VIP, 3).values()) == 3
    bench.director.apply(Settings(services=[Service(name="shop", address=SECOND_VIP, label="wan0:2")]))
    addresses = bench.director.node.addresses("wan0")
    assert f"{VIP}/24" not in addresses and f"{SECOND_VIP}/24" in addresses
    assert sum(sequential(bench.client, SECOND_VIP, 6).values()) == 6
