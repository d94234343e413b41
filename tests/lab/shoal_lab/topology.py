"""The lab's networks.

nat:     client --- wan0 [director] lan0 --- switch --- web-1, web-2, web-3
         192.0.2.10   192.0.2.1   10.11.12.250          10.11.12.1-3, default route by the NAT
                                                        router's address 10.11.12.254, which the
                                                        director's shoald puts on lan0
direct:  client, director (wan0) and web-1..3 on one switch, 192.0.2.0/24; the VIP also on the real
         servers' lo, where they keep silent about it (arp_ignore, arp_announce)
tunnel:  as direct, and a program at the real servers' devices takes packets out of their tunnels

Every node has IPv6 addresses too, with the same last number: 2001:db8::/64 stands for 192.0.2.0/24,
and fd00:10:11::/64 for 10.11.12.0/24, where the real servers' default route leads to the director.
"""

from __future__ import annotations

import ipaddress
import os
import resource
import secrets
import shutil
from pathlib import Path

from .shell import BUILD, Node, run

STATE = Path("/run/shoal-lab")
PINS = Path("/sys/fs/bpf")
PREFIX = "shoal-"
VIP = "192.0.2.80"
SECOND_VIP = "192.0.2.81"
CLIENT = "192.0.2.10"
VIP6 = "2001:db8::80"
CLIENT6 = "2001:db8::10"
NAT_ROUTER = "10.11.12.254"
WEBS = ("web-1", "web-2", "web-3")


class Lab:
    def __init__(self, method: str = "nat", name: str | None = None, xdp: bool = False):
        """`xdp`: what native XDP on a veth needs: the endpoints compute their checksums themselves,
        every veth polls, and the switch's ports have an XDP program too."""
        self.method = method
        self.name = name or secrets.token_hex(3)
        self.xdp = xdp
        self.directory = STATE / self.name
        self.pin_directory = PINS / f"{PREFIX}{self.name}"
        self.client = self._node("client")
        self.director = self._node("director")
        self.switch = self._node("switch")
        self.webs = [self._node(name) for name in WEBS]
        self.nodes = [self.client, self.director, *self.webs, self.switch]

    def _node(self, name: str) -> Node:
        return Node(name, f"{PREFIX}{self.name}-{name}")

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def web_address(self, name: str) -> str:
        number = int(name.removeprefix("web-"))
        return f"10.11.12.{number}" if self.method == "nat" else f"192.0.2.{100 + number}"

    def web_address6(self, name: str) -> str:
        return ipv6_of(self.web_address(name))

    def __enter__(self) -> "Lab":
        self.up()
        return self

    def __exit__(self, *_) -> None:
        self.down()

    def up(self, owner: int | None = None) -> None:
        """`owner`: the process whose death makes this lab a leftover; 0 for one that stays."""
        self.down()
        allow_many_files()
        self.directory.mkdir(parents=True)
        (self.directory / "owner").write_text(str(os.getpid() if owner is None else owner))
        for node in self.nodes:
            run("ip", "netns", "add", node.namespace)
            node.ip("link set lo up")
        self.switch.ip("link add lan type bridge forward_delay 0 mcast_snooping 0")
        self.switch.ip("link set lan up")
        if self.method == "nat":
            self._nat()
        else:
            self._direct()
        if self.xdp:
            self._prepare_for_xdp()

    def down(self) -> None:
        existing = run("ip", "netns", "list").split()
        for node in self.nodes:
            if node.namespace in existing:
                node.kill_everything()
                run("ip", "netns", "delete", node.namespace)
        shutil.rmtree(self.pin_directory, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _nat(self) -> None:
        self._link(self.client, "eth0", self.director, "wan0")
        self.plug(self.director, "lan0")
        self._address(self.client, "eth0", f"{CLIENT}/24")
        self._address(self.director, "wan0", "192.0.2.1/24")
        self._address(self.director, "lan0", "10.11.12.250/24")
        for web in self.webs:
            self.plug(web, "eth0")
            self._address(web, "eth0", f"{self.web_address(web.name)}/24")
            web.ip(f"route add default via {NAT_ROUTER}")
            web.ip(f"route add default via {ipv6_of('10.11.12.250')}")

    def _direct(self) -> None:
        for node, device, address in (
            (self.client, "eth0", CLIENT),
            (self.director, "wan0", "192.0.2.1"),
            *((web, "eth0", self.web_address(web.name)) for web in self.webs),
        ):
            self.plug(node, device)
            self._address(node, device, f"{address}/24")
        for web in self.webs:
            web.sysctl("net/ipv4/conf/all/arp_ignore", 1)
            web.sysctl("net/ipv4/conf/all/arp_announce", 2)
            for vip in (VIP, SECOND_VIP):
                web.ip(f"addr add {vip}/32 dev lo")
            web.ip(f"addr add {VIP6}/128 dev lo nodad")
            if self.method == "tunnel":
                self._end_tunnels(web)

    @staticmethod
    def _end_tunnels(web: Node) -> None:
        web.run("tc", "qdisc", "add", "dev", "eth0", "clsact")
        Lab.end_tunnels(web)

    @staticmethod
    def end_tunnels(web: Node) -> None:
        """Again, after its filter was taken away."""
        program = BUILD / "tests/lab/tools/decapsulate.bpf.o"
        web.run("tc", "filter", "add", "dev", "eth0", "ingress", "bpf", "da", "obj", program, "sec", "tc")

    def plug(self, node: Node, device: str) -> None:
        """A cable from the node's device to a port of the switch."""
        port = f"{node.name}-{device}"[:15]
        self._link(node, device, self.switch, port)
        self.switch.ip(f"link set {port} master lan")

    @staticmethod
    def _link(one: Node, one_device: str, other: Node, other_device: str) -> None:
        one.ip(f"link add {one_device} type veth peer name {other_device} netns {other.namespace}")
        one.ip(f"link set {one_device} up")
        other.ip(f"link set {other_device} up")

    @staticmethod
    def _address(node: Node, device: str, address: str) -> None:
        node.ip(f"addr add {address} dev {device}")
        node.ip(f"addr add {ipv6_of(address.split('/')[0])}/64 dev {device} nodad")

    def add_clients(self, network: str, count: int) -> list[str]:
        """Addresses behind the client, of a network that the director reaches by it: "198.51.100.0/24"."""
        hosts = ipaddress.ip_network(network)
        addresses = [str(hosts[number]) for number in range(1, count + 1)]
        for address in addresses:
            self.client.ip(f"addr add {address}/32 dev eth0")
        self.director.ip(f"route replace {network} via {CLIENT}")
        return addresses

    def _prepare_for_xdp(self) -> None:
        for node in self.nodes:
            for device in links(node):
                node.run("ethtool", "-K", device, "tx", "off", "gro", "on")
        program = BUILD / "tests/lab/tools/xdp_pass.bpf.o"
        for port in links(self.switch):
            self.switch.ip(f"link set dev {port} xdp obj {program} sec xdp")


def ipv6_of(address: str) -> str:
    network, _, host = address.rpartition(".")
    return f"{'fd00:10:11' if network == '10.11.12' else '2001:db8'}::{host}"


def allow_many_files() -> None:
    """For this process and what it starts: as many as the system lets it have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def links(node: Node) -> list[str]:
    """The node's veth devices."""
    lines = node.ip("-o link show type veth").splitlines()
    return [line.split()[1].split("@")[0] for line in lines]


def remove_leftovers() -> list[str]:
    """Takes down labs whose owner died without doing so, and says which."""
    removed = []
    for directory in STATE.glob("*") if STATE.exists() else []:
        try:
            owner = int((directory / "owner").read_text())
        except (OSError, ValueError):
            continue  # just being made
        if owner != 0 and not Path(f"/proc/{owner}").exists():
            Lab(name=directory.name).down()
            removed.append(directory.name)
    return removed
