"""The ways from the client to the three web servers that are compared.

In the network "nat" the director lies between: what it forwards, it forwards in both directions. In
"tunnel", all are neighbours of the client, and the web servers answer it past the director; they also
take packets out of tunnels, by a program of the lab that every packet to them meets.
"""

from __future__ import annotations

import subprocess
import sys

from bulk import PORT as BULK_PORT
from measure import BULK
from shoal_lab.configuration import Service, Settings
from shoal_lab.director import Director
from shoal_lab.load import sequential
from shoal_lab.shell import Node, end, wait_for
from shoal_lab.topology import NAT_ROUTER, VIP, Lab

# Addresses on lo of every web server, reached by a route that spreads connections (ECMP by ports):
# through the director, and past it.
FORWARDED = "198.18.0.80"
DIRECT = "198.18.1.80"

NFTABLES = """table ip bench {
    chain prerouting {
        type nat hook prerouting priority -100
        ip daddr %s dnat to numgen inc mod 3 map { 0 : 10.11.12.1, 1 : 10.11.12.2, 2 : 10.11.12.3 }
    }
}
"""

HAPROXY = """global
    nbthread 2
    maxconn 4000
defaults
    mode tcp
    balance roundrobin
    option splice-auto
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen web
    bind {vip}:80 backlog 8192
    server web-1 10.11.12.1:80
    server web-2 10.11.12.2:80
    server web-3 10.11.12.3:80
listen bulk
    bind {vip}:{bulk}
    server web-1 10.11.12.1:{bulk}
    server web-2 10.11.12.2:{bulk}
    server web-3 10.11.12.3:{bulk}
"""


class Mode:
    """Entered: connections to `target` reach the web servers this way. Left: nothing remains."""

    name = ""
    target = VIP
    network = "nat"
    # The kernel's own way in the same network.
    beside = "forwarding"

    def __init__(self, lab: Lab):
        self.lab = lab
        self.director = lab.director

    def __enter__(self) -> "Mode":
        self.begin()
        served = sequential(self.lab.client, self.target, 30)
        if len(served) != 3:
            raise RuntimeError(f"{self.name}: only {sorted(served)} answer")
        return self

    def __exit__(self, *_) -> None:
        self.finish()

    def begin(self) -> None:
        pass

    def finish(self) -> None:
        pass

    def route_through_director(self, add: bool) -> None:
        """The kernel as a router, with the address that the web servers' default route names."""
        self.director.sysctl("net/ipv4/ip_forward", int(add))
        self.director.ip(f"addr {'add' if add else 'del'} {NAT_ROUTER}/24 dev lan0")

    def own_vip(self, add: bool) -> None:
        self.director.ip(f"addr {'add' if add else 'del'} {VIP}/24 dev wan0")


class Direct(Mode):
    name = "direct"
    target = DIRECT


class Forwarding(Mode):
    name = "forwarding"
    target = FORWARDED

    def begin(self) -> None:
        self.route_through_director(True)

    def finish(self) -> None:
        self.route_through_director(False)


class ForwardingOneWay(Mode):
    name = "forwarding_one_way"
    target = FORWARDED
    network = "tunnel"
    beside = name

    def begin(self) -> None:
        self.director.sysctl("net/ipv4/ip_forward", 1)

    def finish(self) -> None:
        self.director.sysctl("net/ipv4/ip_forward", 0)


class Nftables(Mode):
    name = "nftables"

    def begin(self) -> None:
        self.route_through_director(True)
        self.own_vip(True)
        self.director.run("nft", "-f", "-", stdin=NFTABLES % VIP)

    def finish(self) -> None:
        self.director.run("nft", "flush", "ruleset")
        self.own_vip(False)
        self.route_through_director(False)


class HaProxy(Mode):
    name = "haproxy"

    def begin(self) -> None:
        self.own_vip(True)
        file = self.lab.directory / "haproxy.cfg"
        file.write_text(HAPROXY.format(vip=VIP, bulk=BULK_PORT))
        self.process = self.director.start("haproxy", "-db", "-q", "-f", file, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
        wait_for("HAProxy listens", lambda: ":80" in self.director.run("ss", "-Hltn"))

    def finish(self) -> None:
        end(self.process)
        self.own_vip(False)


class Shoal(Mode):
    """By NAT."""

    name = "shoal"
    options: dict[str, object] = {}

    def begin(self) -> None:
        services = [Service(scheduler="rr", options=self.options),
                    Service(name="bulk", port=BULK_PORT, scheduler="rr", options=self.options, monitor={"enabled": False})]
        self.shoald = Director(self.lab, Settings(hook="tc", table_size=1 << 20, services=services)).start()
        self.shoald.wait_until_serving()

    def finish(self) -> None:
        self.shoald.stop()


class ShoalOneWay(Shoal):
    network = "tunnel"
    beside = ForwardingOneWay.name


class ShoalDirect(ShoalOneWay):
    name = "shoal_direct"
    options = {"network_type": "direct"}


class ShoalTunnel(ShoalOneWay):
    tunnel = ""

    def __init__(self, lab: Lab):
        super().__init__(lab)
        self.options = {"network_type": "tunnel", "tunnel_type": self.tunnel}


class ShoalIpip(ShoalTunnel):
    name, tunnel = "shoal_ipip", "ipip"


class ShoalGue(ShoalTunnel):
    name, tunnel = "shoal_gue", "gue"


class ShoalGre(ShoalTunnel):
    name, tunnel = "shoal_gre", "gre"


MODES = [Direct, Forwarding, Nftables, HaProxy, Shoal,
         ForwardingOneWay, ShoalDirect, ShoalIpip, ShoalGue, ShoalGre]


def prepare(lab: Lab) -> None:
    """What the modes of a network share: the spread routes, and the ways past the director."""
    lab.client.sysctl("net/ipv4/ip_local_port_range", "'1024 65535'")
    for node in (lab.client, lab.director):
        node.sysctl("net/ipv4/fib_multipath_hash_policy", 1)
    for web in lab.webs:
        web.ip(f"addr add {FORWARDED}/32 dev lo")
        web.start(sys.executable, BULK, "serve")
    lab.client.ip(f"route add {FORWARDED} via 192.0.2.1")
    spread(lab.director, FORWARDED, [lab.web_address(web.name) for web in lab.webs])
    if lab.method == "nat":
        prepare_way_past_director(lab)
        return
    for device in ("all", "wan0"):
        lab.director.sysctl(f"net/ipv4/conf/{device}/send_redirects", 0)


def prepare_way_past_director(lab: Lab) -> None:
    lab.plug(lab.client, "eth1")
    lab.client.ip("addr add 198.51.100.10/24 dev eth1")
    gateways = [f"198.51.100.{100 + number}" for number, _ in enumerate(lab.webs, 1)]
    for web, gateway in zip(lab.webs, gateways):
        web.ip(f"addr add {gateway}/24 dev eth0")
        web.ip(f"addr add {DIRECT}/32 dev lo")
    spread(lab.client, DIRECT, gateways)


def spread(node: Node, address: str, gateways: list[str]) -> None:
    node.ip(f"route add {address} {' '.join(f'nexthop via {gateway}' for gateway in gateways)}")
