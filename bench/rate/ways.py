"""The ways of a datagram from the client through the director to the real server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from shoal_lab.configuration import Service, Settings
from shoal_lab.director import Director
from shoal_lab.shell import BUILD, Node, end, wait_for
from shoal_lab.topology import CLIENT, NAT_ROUTER, VIP, Lab

PROGRAM = BUILD / "bench/rate/bench_rate"
# Both are addresses of one node: only the director's work is of interest.
SERVERS = ("web-1", "web-2")
PORT = 9000
# What the kernel spreads over both.
SPREAD = "198.18.0.80"


class RateLab(Lab):
    """client --- [director] --- web-1, without a switch: its work would be in every figure."""

    def __init__(self, xdp: bool):
        super().__init__("nat", xdp=xdp)
        self.webs = self.webs[:1]
        self.nodes = [self.client, self.director, *self.webs, self.switch]

    @property
    def server(self) -> Node:
        return self.webs[0]

    def _nat(self) -> None:
        self._link(self.client, "eth0", self.director, "wan0")
        self._link(self.director, "lan0", self.server, "eth0")
        self._address(self.client, "eth0", f"{CLIENT}/24")
        self._address(self.director, "wan0", "192.0.2.1/24")
        self._address(self.director, "lan0", "10.11.12.250/24")
        for name in SERVERS:
            self._address(self.server, "eth0", f"{self.web_address(name)}/24")
        self.server.ip(f"route add default via {NAT_ROUTER}")
        # As with a driver that has no XDP program, frames become socket buffers where they come in,
        # in the poll of the device.
        self.director.run("ethtool", "-K", "wan0", "gro", "on")


class Sink:
    """Counts and drops what comes in by a device."""

    def __init__(self, node: Node, hook: str, device: str):
        self.process = node.start(PROGRAM, "sink", hook, device, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"no sink at {device}")

    def count(self) -> int:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self) -> None:
        end(self.process)


class Way:
    """Entered: datagrams to `target` come to the sink this way."""

    name = ""
    target = VIP
    xdp = False

    def __enter__(self) -> "Way":
        self.lab = RateLab(self.xdp)
        self.lab.up()
        try:
            self.begin()
            self.sink = self.start_sink()
        except BaseException:
            self.lab.down()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.sink.close()
        self.lab.down()

    def begin(self) -> None:
        pass

    def start_sink(self) -> Sink:
        return Sink(self.lab.server, "xdp" if self.xdp else "tc", "eth0")

    def rate(self, seconds: float, flows: int) -> float:
        """Datagrams a second that arrive."""
        mac = json.loads(self.lab.director.ip("-j link show wan0"))[0]["address"]
        before = self.sink.count()
        answer = self.lab.client.run(PROGRAM, "generate", "eth0", mac, CLIENT, self.target, str(PORT), str(flows), str(seconds))
        sent, elapsed = answer.split()
        arrived = self.sink.count() - before
        if arrived < 0.1 * int(sent):
            raise RuntimeError(f"{self.name}: {arrived} of {sent} datagrams arrived")
        return arrived / float(elapsed)


class Floor(Way):
    """Dropped as soon as the director sees them: what the generator costs."""

    name = "floor"

    def start_sink(self) -> Sink:
        return Sink(self.lab.director, "xdp", "wan0")


class Routing(Way):
    """The kernel as a router to one address: it looks that up once for datagrams that come together."""

    name = "routing"

    def begin(self) -> None:
        self.target = self.lab.web_address(SERVERS[0])
        self.lab.director.sysctl("net/ipv4/ip_forward", 1)


class Forwarding(Way):
    """The kernel as a router that chooses a real server for each flow, by a route with two next hops."""

    name = "forwarding"
    target = SPREAD

    def begin(self) -> None:
        director = self.lab.director
        director.sysctl("net/ipv4/ip_forward", 1)
        director.sysctl("net/ipv4/fib_multipath_hash_policy", 1)
        hops = " ".join(f"nexthop via {self.lab.web_address(name)}" for name in SERVERS)
        director.ip(f"route add {SPREAD} {hops}")


class Shoal(Way):
    def begin(self) -> None:
        service = Service(name="rate", protocol="udp", port=PORT, scheduler="rr", weights={name: 1 for name in SERVERS},
                          monitor={"enabled": False})
        hook = "xdp" if self.xdp else "tc"
        self.shoald = Director(self.lab, Settings(hook=hook, services=[service]))
        self.shoald.spawn()
        # On a busy machine the kernel takes its time to check the programs.
        wait_for("shoald has started", lambda: any("director_started" in line for line in self.shoald.events()), 120)
        self.shoald.wait_until_it_answers()
        self.shoald.wait_until_serving()
        hooks = self.shoald.status()["hooks"]
        if any(each["hook"] != hook for each in hooks):
            raise RuntimeError(f"{self.name}: not at {hook} everywhere: {hooks}")


class ShoalTc(Shoal):
    name = "shoal_tc"


class ShoalXdp(Shoal):
    name = "shoal_xdp"
    xdp = True


WAYS = [Floor, Routing, Forwarding, ShoalTc, ShoalXdp]


def built() -> bool:
    return Path(PROGRAM).is_file()
