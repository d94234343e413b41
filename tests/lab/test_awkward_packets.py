"""Packets that are not plain segments: held fragments, spent times to live, echo. Fragments and ICMP
errors by every method are in test_matrix.py."""

from __future__ import annotations

import json
import sys

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.exchange import PORT, Exchange, start_responders
from shoal_lab.topology import VIP

WAYS = [("nat", "tc"), ("nat", "xdp"), ("direct", "tc"), ("direct", "xdp")]
FRAGMENTS = 5  # of a datagram of DATAGRAM bytes
DATAGRAM = 4100

# Datagrams from one connected socket, so that the kernel tells which of them an error is about.
TIME_EXCEEDED = """
import json, socket, struct, sys
IP_RECVERR, MSG_ERRQUEUE, SO_EE_ORIGIN_ICMP = 11, 0x2000, 2
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    probe.settimeout(10)
    probe.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    probe.connect((sys.argv[1], int(sys.argv[2])))
    probe.send(b"probe")
    try:
        print("answered", probe.recv(100))
    except OSError as failure:
        _, messages, _, _ = probe.recvmsg(100, 500, MSG_ERRQUEUE)
        error = messages[0][2]
        number, origin, kind, code = struct.unpack("=IBBB", error[:7])
        assert origin == SO_EE_ORIGIN_ICMP
        print(json.dumps([kind, code, socket.inet_ntoa(error[20:24])]))
"""


@pytest.fixture
def datagrams(make_bench):
    """datagrams(way): a bench with a UDP service, and its client that exchanges datagrams."""
    clients: list[Exchange] = []

    def start(way, **options):
        method, hook = way
        service = Service(name="echo", protocol="udp", port=PORT, scheduler="rr", monitor={"type": "none"},
                          options=options)
        bench = make_bench(Settings(hook=hook, services=[service]), method=method, xdp=hook == "xdp",
                           servers=lambda lab: start_responders(lab.webs))
        clients.append(Exchange(bench.client))
        return bench, clients[-1]

    yield start
    for client in clients:
        client.end()


def test_the_fragments_of_a_datagram_that_is_scheduled_alone_stay_together(datagrams):
    _, client = datagrams(("direct", "tc"), one_packet=True)
    assert client.do("datagrams", host=VIP, count=30, size=4000) == {"web-1": 10, "web-2": 10, "web-3": 10}


def test_held_fragments_find_the_way_back_after_the_device_got_another_address(datagrams):
    """As udev gives it one, some time after it was made."""
    bench, client = datagrams(("nat", "tc"))
    bench.director.node.ip("link set dev shoal-fragments address 02:53:48:4f:41:4c")
    client.do("backwards", host=VIP, count=2, size=DATAGRAM)
    assert bench.director.verdicts()["fragment_held"] >= 2 * (FRAGMENTS - 1)


def test_a_fragment_whose_first_one_never_comes_is_dropped_and_counted(datagrams):
    bench, client = datagrams(("nat", "tc"))
    client.do("beheaded", host=VIP, count=2, size=DATAGRAM)
    bench.director.wait_for_verdict("early_fragment", 2 * (FRAGMENTS - 1))
    assert bench.director.verdicts()["fragment_held"] == 2 * (FRAGMENTS - 1)


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_a_time_to_live_that_ends_at_the_director_is_answered(datagrams, hook):
    bench, _ = datagrams(("nat", hook))
    answer = bench.client.run(sys.executable, "-c", TIME_EXCEEDED, VIP, str(PORT))
    assert json.loads(answer) == [11, 0, VIP]
    assert bench.director.verdicts()["ttl_answered"] >= 1


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_the_virtual_address_answers_echo(make_bench, way):
    bench = make_bench(Settings(hook=way[1]), method=way[0], xdp=way[1] == "xdp")
    assert " 3 received" in bench.client.run("ping", "-c3", "-i0.01", "-W10", VIP)
    assert " 2 received" in bench.client.run("ping", "-c2", "-i0.01", "-W10", "-s4000", VIP)
