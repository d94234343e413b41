"""A host behind the client, which is its router; between these two a link that takes 1300 bytes.

Without TCP's segment size in the way: the far host's own device has the usual MTU.
"""

from __future__ import annotations

from .shell import Node, run
from .topology import CLIENT, CLIENT6, PREFIX, Lab

MTU = 1300
NETWORK, NETWORK6 = "198.51.100", "2001:db8:f:"


def far_address(number: int, six: bool) -> str:
    """One of 250 addresses that it has."""
    return f"{NETWORK6}:{number}" if six else f"{NETWORK}.{number}"


def add_far_client(lab: Lab, numbers: range = range(2, 3)) -> Node:
    """With the addresses of these numbers, in both families."""
    node = Node("far", f"{PREFIX}{lab.name}-far")
    run("ip", "netns", "add", node.namespace)
    lab.nodes.append(node)  # taken down with the lab
    router = lab.client
    router.ip(f"link add far0 type veth peer name eth0 netns {node.namespace}")
    node.batch(["link set lo up", "link set eth0 up",
                *(f"addr add {far_address(number, False)}/24 dev eth0" for number in numbers),
                *(f"addr add {far_address(number, True)}/64 dev eth0 nodad" for number in numbers),
                f"route add default via {far_address(1, False)}", f"route add default via {far_address(1, True)}"])
    router.batch([f"addr add {far_address(1, False)}/24 dev far0",
                  f"addr add {far_address(1, True)}/64 dev far0 nodad noprefixroute",
                  "link set far0 up", *(f"route replace {network} dev far0 mtu lock {MTU}"
                                        for network in (f"{NETWORK}.0/24", f"{NETWORK6}:/64"))])
    router.sysctl("net/ipv4/ip_forward", 1)
    router.sysctl("net/ipv6/conf/all/forwarding", 1)
    for neighbour in [lab.director] + ([] if lab.method == "nat" else lab.webs):
        neighbour.batch([f"route add {NETWORK}.0/24 via {CLIENT}", f"route add {NETWORK6}:/64 via {CLIENT6}"])
    return node
