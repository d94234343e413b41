"""Every method of forwarding, in each family and between them, over TCP and UDP, at both hooks.

The cells of one network and hook share a bench; each has virtual addresses and real servers of its
own way, so that what is learnt of a path in one does not help another.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.exchange import CLOSED_PORT, PORT, Exchange, start_responders
from shoal_lab.far import MTU, add_far_client, far_address
from shoal_lab.shell import wait_for
from shoal_lab.topology import CLIENT, WEBS, ipv6_of

OVERHEAD = {"ipip": 0, "gre": 4, "gue": 12}
HEADER = {4: 20, 6: 40}


@dataclass(frozen=True)
class Cell:
    number: int
    method: str
    # 4 or 6: of client and virtual server, and of the real servers' addresses.
    family: int
    outer: int

    def __str__(self) -> str:
        return f"{self.method}-ipv{self.family}" + (f"-in-ipv{self.outer}" if self.outer != self.family else "")

    @property
    def vip(self) -> str:
        address = f"192.0.2.{120 + self.number}"
        return ipv6_of(address) if self.family == 6 else address

    @property
    def tunneled(self) -> bool:
        return self.method in OVERHEAD

    @property
    def path_mtu(self) -> int:
        """Of the way from the client to the virtual server."""
        return 1500 - (HEADER[self.outer] + OVERHEAD[self.method] if self.tunneled else 0)

    def services(self) -> list[Service]:
        options: dict[str, object] = {"network_type": self.method}
        if self.tunneled:
            options = {"network_type": "tunnel", "tunnel_type": self.method}
        servers: dict[str, object] = {}
        weights = {name: 1 for name in WEBS}
        if self.method == "local":
            options, weights = {}, {"web-1": 1}
            servers = {"address": "::1" if self.family == 6 else "127.0.0.1"}
        return [Service(name=f"{self}-{protocol}", address=self.vip, label=f"wan0:{self.number}", protocol=protocol,
                        port=port, scheduler="rr", monitor={"type": "none"}, options=options, weights=weights,
                        server_options=servers, server_family=self.outer)
                for protocol, port in (("tcp", PORT), ("udp", f"{PORT}-{CLOSED_PORT}"))]

    def shares(self, count: int) -> dict[str, int]:
        """Who answers so many, one after the other."""
        return {"director": count} if self.method == "local" else {name: count // 3 for name in WEBS}


WAYS = [(method, outer) for method in ("nat", "direct", "local", *OVERHEAD) for outer in (4, 6)]
CELLS = [Cell(number, method, family, outer)
         for number, (method, outer, family) in enumerate(
             (method, outer, family) for method, outer in WAYS for family in (4, 6)
             if family == outer or method in OVERHEAD)]
# The network that a cell needs.
NETWORKS = {"nat": [cell for cell in CELLS if cell.method == "nat"],
            "tunnel": [cell for cell in CELLS if cell.method != "nat"]}
BENCHES = [(network, hook) for network in NETWORKS for hook in ("tc", "xdp")]


@pytest.fixture(scope="module")
def matrix(request, make_shared_bench):
    network, hook = request.param

    def servers(lab):
        for web in lab.webs if network == "tunnel" else []:
            web.batch([f"addr add {cell.vip}/{128 if cell.family == 6 else 32} dev lo" +
                       (" nodad" if cell.family == 6 else "") for cell in NETWORKS[network]])
        for node in (lab.director, *lab.webs):
            for name in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
                node.sysctl(f"net/{name}", 0)  # many refusals within a second
        start_responders([lab.director, *lab.webs])

    settings = Settings(hook=hook, services=[service for cell in NETWORKS[network] for service in cell.services()])
    bench = make_shared_bench(settings, method=network, xdp=hook == "xdp", servers=servers)
    far = add_far_client(bench.lab, range(2, 2 + 2 * len(CELLS)))
    with Exchange(bench.client) as bench.near, Exchange(far) as bench.far:
        yield bench


def each_cell(test):
    pairs = [(bench, cell) for bench in BENCHES for cell in NETWORKS[bench[0]]]
    return pytest.mark.parametrize(("matrix", "cell"), pairs, ids=lambda value: "-".join(value) if
                                   isinstance(value, tuple) else str(value), indirect=["matrix"], scope="module")(test)


class Spent:
    """Packets by verdict, from its making on."""

    def __init__(self, bench):
        self.director = bench.director
        self.before = self.director.verdicts()

    def __getitem__(self, name: str) -> int:
        return self.director.verdicts()[name] - self.before[name]


def connections(bench, cell) -> int:
    services = bench.director.status()["virtual_servers"]
    return sum(each["counters"]["connections"] for each in services if each["name"].startswith(f"{cell}-"))


@each_cell
def test_neighbours_that_nobody_resolved(matrix, cell):
    """The first packets find no hardware address, neither in shoald's records nor in the kernel's."""
    lab, director = matrix.lab, matrix.director
    ports = [f"{web.name}-eth0" for web in lab.webs]
    asked = NETWORKS["nat" if lab.method == "nat" else "tunnel"][0]
    lab.switch.batch([f"link set {port} nomaster" for port in ports])
    try:
        def unknown() -> bool:
            for family in (6, 4):  # ip gives up after some rounds while shoald asks anew
                director.node.ip(f"-{family} neigh flush all", check=False)
            return "not known yet" in director.shoal("explain", f"{CLIENT}:1234", f"{asked.vip}:{PORT}")

        wait_for("the real servers' addresses are unknown", unknown, 60)
        director.process.send_signal(signal.SIGSTOP)  # so that they stay so
        # The end of a look-up that began before would tell the client that there is no way.
        wait_for("no look-up is under way", lambda: "INCOMPLETE" not in director.node.ip("neigh"), 60)
        director.node.ip("neigh flush all")
        lab.switch.batch([f"link set {port} master lan" for port in ports])
        assert matrix.near.do("names", host=cell.vip, count=3) == cell.shares(3)
        assert matrix.near.do("datagrams", host=cell.vip, count=3, size=100) == cell.shares(3)
    finally:  # the other cells have the same director and switch
        director.process.send_signal(signal.SIGCONT)
        lab.switch.batch([f"link set {port} master lan" for port in ports])


@each_cell
def test_short_connections(matrix, cell):
    spent, before = Spent(matrix), connections(matrix, cell)
    assert matrix.near.do("names", host=cell.vip, count=60) == cell.shares(60)
    assert matrix.near.do("datagrams", host=cell.vip, count=30, size=100) == cell.shares(30)
    assert connections(matrix, cell) == before + 90
    if cell.method == "local":
        assert spent["local"] > 0
    elif matrix.director.settings.hook == "xdp":
        assert spent["passed_up"] < spent["forwarded"] // 3


@each_cell
def test_bulk(matrix, cell):
    for _ in range(3):
        matrix.near.do("upload", host=cell.vip, size=4 << 20)
        matrix.near.do("download", host=cell.vip, size=4 << 20)
    matrix.near.do("flow", host=cell.vip, count=400, size=1200)


@each_cell
def test_fragments(matrix, cell):
    """In order, both ways, and backwards."""
    if cell.tunneled:  # until the client's fragments fit through the tunnel
        matrix.near.do("datagrams", host=cell.vip, count=1, size=4000, tries=40)
    assert matrix.near.do("datagrams", host=cell.vip, count=30, size=4000) == cell.shares(30)
    spent = Spent(matrix)
    matrix.near.do("backwards", host=cell.vip, count=6, size=4100)
    assert spent["fragment_held"] >= 6 * 4


@each_cell
def test_the_client_learns_what_fits(matrix, cell):
    # Without offloads each segment is a packet of its own, of the size that the client's link takes.
    offloads = ["ethtool", "-K", "eth0"]
    matrix.client.run(*offloads, "tso", "off", "gso", "off")
    matrix.near.do("upload", host=cell.vip, size=1 << 20)
    if matrix.director.settings.hook == "tc":
        matrix.client.run(*offloads, "tso", "on", "gso", "on")
    longest = 1500 - HEADER[cell.family] - 8
    matrix.near.do("datagrams", host=cell.vip, count=3, size=longest, tries=40)
    assert cell.tunneled == (f" mtu {cell.path_mtu}" in matrix.client.ip(f"route get {cell.vip}"))


@each_cell
def test_real_servers_learn_what_the_clients_path_takes(matrix, cell):
    """Large answers from the virtual server are refused by the client's router: over TCP to one of its
    addresses, over UDP to another."""
    spent = Spent(matrix)
    sources = [far_address(2 + 2 * cell.number + number, cell.family == 6) for number in (0, 1)]
    for _ in WEBS:
        matrix.far.do("download", host=cell.vip, size=1 << 18, source=sources[0])
    matrix.far.do("datagrams", host=cell.vip, count=3, size=1400, tries=40, source=sources[1])
    nodes = [matrix.director.node] if cell.method == "local" else matrix.lab.webs
    for node in nodes:
        for source in sources:
            way = f"route get {source}" + ("" if cell.method == "nat" else f" from {cell.vip}")
            assert f" mtu {MTU}" in node.ip(way), node.name
    assert spent["icmp_to_server"] >= 2 * len(nodes) or cell.method == "local"


@each_cell
def test_a_closed_port_refuses(matrix, cell):
    spent = Spent(matrix)
    assert matrix.near.do("refused", host=cell.vip) == "ConnectionRefusedError"
    assert (spent["icmp_to_client"] > 0) == (cell.method == "nat")
