"""Packets that are not plain segments: fragments, ICMP errors, spent times to live, echo."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.servers import UDP_PORT, start_udp_servers
from shoal_lab.shell import Node, run
from shoal_lab.topology import CLIENT, PREFIX, VIP

WAYS = [("nat", "tc"), ("nat", "xdp"), ("direct", "tc"), ("direct", "xdp")]

LARGE_DATAGRAMS = """
import collections, hashlib, json, socket, sys
answers = collections.Counter()
for number in range(int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.bind(("", 20000 + number))  # a port met again would lead to its earlier real server
        client.connect((sys.argv[1], int(sys.argv[3])))
        data = hashlib.sha512(b"%d" % number).digest() * 62
        client.send(data)
        name, _, rest = client.recv(65536).partition(b" ")
        assert rest == data, (len(rest), len(data))
        answers[name.decode()] += 1
print(json.dumps(answers))
"""

# Datagrams in fragments of 1000 bytes, the last one first. One that took its time is sent again: what
# is held longer than 50 ms is dropped.
BACKWARDS = """
import hashlib, itertools, json, socket, struct, sys
target, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
numbers = itertools.count(1)

def fragments(own_port, data):
    number = next(numbers)
    datagram = struct.pack("!HHHH", own_port, port, 8 + len(data), 0) + data
    for begin in reversed(range(FIRST, len(datagram), 1000)):
        part = datagram[begin:begin + 1000]
        more = 0x2000 if begin + 1000 < len(datagram) else 0
        yield struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), number, more | begin // 8, 64, 17, 0, bytes(4),
                          socket.inet_aton(target)) + part

def send(own_port, data):
    for packet in list(fragments(own_port, data)):
        raw.sendto(packet, (target, 0))

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, \\
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    client.settimeout(1)
    client.connect((target, port))
    for number in range(count):
        data = hashlib.sha512(b"%d" % number).digest() * 62
        for attempt in range(20):
            send(client.getsockname()[1], data)
            if FIRST:
                break
            try:
                assert client.recv(65536).partition(b" ")[2] == data
                break
            except TimeoutError:
                continue
        else:
            sys.exit("no answer")
"""


def send_backwards(bench, count: int, first: int) -> None:
    """`first`: where the first fragment that is sent begins."""
    program = BACKWARDS.replace("FIRST", str(first))
    bench.client.run(sys.executable, "-c", program, VIP, str(count), str(UDP_PORT))


REFUSED = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(10)
    client.connect((sys.argv[1], int(sys.argv[2])))
    client.send(b"anybody there?")
    try:
        print("answered", client.recv(100))
    except OSError as error:
        print(type(error).__name__)
"""

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


def echo_service(**options) -> Service:
    return Service(name="echo", protocol="udp", port=UDP_PORT, scheduler="rr", monitor={"enabled": False},
                   options=options)


def udp_bench(make_bench, way, **options):
    method, hook = way
    bench = make_bench(Settings(hook=hook, services=[echo_service(**options)]), method=method, xdp=hook == "xdp")
    start_udp_servers(bench.lab, VIP if method == "direct" else "0.0.0.0")
    return bench


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_large_datagrams_come_and_go_in_fragments(make_bench, way):
    bench = udp_bench(make_bench, way)
    answers = bench.client.run(sys.executable, "-c", LARGE_DATAGRAMS, VIP, "30", str(UDP_PORT))
    assert json.loads(answers) == {"web-1": 10, "web-2": 10, "web-3": 10}
    assert bench.director.verdicts().get("early_fragment", 0) == 0


def test_the_fragments_of_a_datagram_that_is_scheduled_alone_stay_together(make_bench):
    bench = udp_bench(make_bench, ("direct", "tc"), one_packet=True)
    answers = bench.client.run(sys.executable, "-c", LARGE_DATAGRAMS, VIP, "30", str(UDP_PORT))
    assert json.loads(answers) == {"web-1": 10, "web-2": 10, "web-3": 10}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_fragments_that_come_backwards_arrive(make_bench, way):
    bench = udp_bench(make_bench, way)
    send_backwards(bench, 10, 0)
    assert bench.director.verdicts()["fragment_held"] >= 10 * 3


def test_held_fragments_find_the_way_back_after_the_device_got_another_address(make_bench):
    """As udev gives it one, some time after it was made."""
    bench = udp_bench(make_bench, ("nat", "tc"))
    bench.director.node.ip("link set dev shoal-fragments address 02:53:48:4f:41:4c")
    send_backwards(bench, 2, 0)
    assert bench.director.verdicts()["fragment_held"] >= 2 * 3


def test_a_fragment_whose_first_one_never_comes_is_dropped_and_counted(make_bench):
    bench = udp_bench(make_bench, ("nat", "tc"))
    send_backwards(bench, 2, 1000)
    bench.director.wait_for_verdict("early_fragment", 2 * 3)
    assert bench.director.verdicts()["fragment_held"] == 2 * 3


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_a_closed_port_of_the_real_server_refuses_the_client(make_bench, hook):
    bench = make_bench(Settings(hook=hook, services=[echo_service()]), xdp=hook == "xdp")
    answer = bench.client.run(sys.executable, "-c", REFUSED, VIP, str(UDP_PORT))
    assert answer.strip() == "ConnectionRefusedError"
    assert bench.director.verdicts()["icmp_to_client"] >= 1


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_a_time_to_live_that_ends_at_the_director_is_answered(make_bench, hook):
    bench = udp_bench(make_bench, ("nat", hook))
    answer = bench.client.run(sys.executable, "-c", TIME_EXCEEDED, VIP, str(UDP_PORT))
    assert json.loads(answer) == [11, 0, VIP]
    assert bench.director.verdicts()["ttl_answered"] >= 1


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_the_virtual_address_answers_echo(make_bench, way):
    bench = make_bench(Settings(hook=way[1]), method=way[0], xdp=way[1] == "xdp")
    assert " 3 received" in bench.client.run("ping", "-c3", "-i0.01", "-W10", VIP)
    assert " 2 received" in bench.client.run("ping", "-c2", "-i0.01", "-W10", "-s4000", VIP)


class FarClient:
    """A client behind a router, and between these two a link that takes 1300 bytes. Without TCP's
    segment size in the way: the client's own device has the usual MTU."""

    ADDRESS = "198.51.100.2"

    def __init__(self, bench):
        lab = bench.lab
        self.node = Node("far", f"{PREFIX}{lab.name}-far")
        run("ip", "netns", "add", self.node.namespace)
        lab.nodes.append(self.node)  # taken down with the lab
        router = lab.client
        router.ip(f"link add far0 type veth peer name eth0 netns {self.node.namespace}")
        self.node.ip("link set lo up")
        self.node.ip("link set eth0 up")
        self.node.ip(f"addr add {self.ADDRESS}/24 dev eth0")
        router.ip("addr add 198.51.100.1/24 dev far0")
        router.ip("link set far0 up")
        router.sysctl("net/ipv4/ip_forward", 1)
        router.ip("route replace 198.51.100.0/24 dev far0 mtu lock 1300")
        self.node.ip("route add default via 198.51.100.1")
        bench.director.node.ip(f"route add 198.51.100.0/24 via {CLIENT}")
        for web in lab.webs:
            if lab.method == "direct":
                web.ip(f"route add 198.51.100.0/24 via {CLIENT}")


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_path_mtu_discovery_reaches_the_real_servers(make_bench, way):
    """Large answers from the virtual server are refused by the client's router."""
    bench = make_bench(Settings(hook=way[1], services=[Service(scheduler="rr")]), method=way[0], xdp=way[1] == "xdp")
    far = FarClient(bench)
    for _ in bench.lab.webs:
        answer = far.node.run("curl", "-sS", "--max-time", "30", f"http://{VIP}/bytes/1m")
        assert hashlib.sha256(answer.encode()).digest() == hashlib.sha256(b"x" * 1024 * 1024).digest()
    for web in bench.lab.webs:
        learnt = web.run("ip", "route", "get", FarClient.ADDRESS, *(["from", VIP] if way[0] == "direct" else []))
        assert " mtu 1300" in learnt, web.name
    assert bench.director.verdicts()["icmp_to_server"] >= len(bench.lab.webs)
