"""The ways from the client to the three web servers that are compared."""

from __future__ import annotations

import subprocess

from shoal_lab.configuration import Service, Settings
from shoal_lab.director import Director
from shoal_lab.load import sequential
from shoal_lab.shell import end, wait_for
from shoal_lab.topology import NAT_ROUTER, VIP, Lab

# Addresses on lo of every web server, reached by a route that spreads connections (ECMP by ports):
# through the director, and past it.
FORWARDED = "198.18.0.80"
DIRECT = "198.18.1.80"

NFTABLES = """table ip bench {
    chain prerouting {
        type nat hook prerouting priority -100
        ip daddr %s tcp dport 80 dnat to numgen inc mod 3 map { 0 : 10.11.12.1, 1 : 10.11.12.2, 2 : 10.11.12.3 }
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
"""


class Mode:
    """Entered: connections to `target` reach the web servers this way. Left: nothing remains."""

    name = ""
    target = VIP

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
        file.write_text(HAPROXY.format(vip=VIP))
        self.process = self.director.start("haproxy", "-db", "-q", "-f", file, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
        wait_for("HAProxy listens", lambda: ":80" in self.director.run("ss", "-Hltn"))

    def finish(self) -> None:
        end(self.process)
        self.own_vip(False)


class Shoal(Mode):
    name = "shoal"

    def begin(self) -> None:
        settings = Settings(hook="tc", table_size=1 << 20, services=[Service(scheduler="rr")])
        self.shoald = Director(self.lab, settings).start()
        self.shoald.wait_until_serving()

    def finish(self) -> None:
        self.shoald.stop()


MODES = [Direct, Forwarding, Nftables, HaProxy, Shoal]


def prepare(lab: Lab) -> None:
    """What the modes share: the spread routes, and the way past the director."""
    lab.client.sysctl("net/ipv4/ip_local_port_range", "'1024 65535'")
    lab.plug(lab.client, "eth1")
    lab.client.ip("addr add 198.51.100.10/24 dev eth1")
    for number, web in enumerate(lab.webs, 1):
        web.ip(f"addr add 198.51.100.{100 + number}/24 dev eth0")
        for address in (FORWARDED, DIRECT):
            web.ip(f"addr add {address}/32 dev lo")
    for node in (lab.client, lab.director):
        node.sysctl("net/ipv4/fib_multipath_hash_policy", 1)
    spread(lab.client, DIRECT, "198.51.100.10{}")
    spread(lab.director, FORWARDED, "10.11.12.{}")
    lab.client.ip(f"route add {FORWARDED} via 192.0.2.1")


def spread(node, address: str, gateway: str) -> None:
    hops = " ".join(f"nexthop via {gateway.format(number)}" for number in (1, 2, 3))
    node.ip(f"route add {address} {hops}")
