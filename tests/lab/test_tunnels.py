"""Forwarding by tunneling, and to the director itself."""

from __future__ import annotations

import hashlib
import os
import sys

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import sequential
from shoal_lab.servers import WebServer
from shoal_lab.shell import wait_for
from shoal_lab.topology import VIP

OVERHEAD = {"ipip": 20, "gre": 24, "gue": 32}
SINK_PORT = 9000

SINK = """
import hashlib, socketserver, sys
class Sink(socketserver.StreamRequestHandler):
    def handle(self):
        digest = hashlib.sha256()
        while data := self.connection.recv(1 << 16):
            digest.update(data)
        self.wfile.write(digest.hexdigest().encode())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("0.0.0.0", int(sys.argv[1])), Sink).serve_forever()
"""

SENDER = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30) as sink, open(sys.argv[3], "rb") as file:
    sink.sendfile(file)
    sink.shutdown(socket.SHUT_WR)
    print(sink.recv(100).decode())
"""


@pytest.fixture
def through(make_bench):
    """through(tunnel): a bench whose real servers are behind such tunnels, at tc."""
    def start(tunnel: str):
        options = {"tunnel_type": tunnel}
        sink = Service(name="sink", port=SINK_PORT, scheduler="rr", options=options, monitor={"enabled": False})
        bench = make_bench(Settings(hook="tc", services=[Service(scheduler="rr", options=options), sink]),
                           method="tunnel")
        for web in bench.lab.webs:
            web.start(sys.executable, "-c", SINK, str(SINK_PORT))
            wait_for(f"the sink of {web.name}", lambda: f":{SINK_PORT} " in web.run("ss", "-Htln"), 10)
        return bench
    return start


def upload(bench, size: int) -> None:
    """Random bytes; they arrive as they were sent."""
    content = os.urandom(size)
    file = bench.lab.directory / "upload"
    file.write_bytes(content)
    answer = bench.client.run(sys.executable, "-c", SENDER, VIP, str(SINK_PORT), file)
    assert answer.strip() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("tunnel", OVERHEAD)
def test_short_connections_and_bulk_go_through_tunnels(through, tunnel):
    bench = through(tunnel)
    assert sequential(bench.client, VIP, 60) == {"web-1": 20, "web-2": 20, "web-3": 20}
    answer = bench.client.run("curl", "-sS", "--max-time", "20", f"http://{VIP}/bytes/1m")
    assert hashlib.sha256(answer.encode()).digest() == hashlib.sha256(b"x" * 1024 * 1024).digest()
    for _ in range(3):
        upload(bench, 16 << 20)


@pytest.mark.parametrize("tunnel", OVERHEAD)
def test_the_client_learns_how_much_fits_through_the_tunnel(through, tunnel):
    bench = through(tunnel)
    # Without offloads each segment is a packet of its own, of the size that the client's link takes.
    bench.client.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off")
    upload(bench, 4 << 20)
    assert f"mtu {1500 - OVERHEAD[tunnel]}" in bench.client.ip(f"route get {VIP}")
    assert bench.director.verdicts()["too_big"] > 0


def test_tunnels_need_no_neighbour_ahead(through):
    bench = through("ipip")
    bench.director.kill()  # nobody resolves anything ahead now
    for node in bench.lab.nodes:
        node.ip("neigh flush all")
    assert sum(sequential(bench.client, VIP, 9).values()) == 9


def test_another_type_of_tunnel_holds_from_the_next_packet_on(through):
    bench = through("ipip")
    for tunnel in ("gue", "gre"):
        bench.director.apply(Settings(hook="tc", services=[Service(scheduler="rr",
                                                                   options={"tunnel_type": tunnel})]))
        assert sum(sequential(bench.client, VIP, 9).values()) == 9


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_the_director_itself_may_be_a_real_server(make_bench, hook):
    def start(lab):
        return {"director": WebServer(lab, lab.director).start()}

    web = Service(weights={"web-1": 1}, server_options={"address": "127.0.0.1"})
    bench = make_bench(Settings(hook=hook, services=[web]), xdp=hook == "xdp", servers=start)
    assert sequential(bench.client, VIP, 20) == {"director": 20}
    answer = bench.client.run("curl", "-sS", "--max-time", "20", f"http://{VIP}/bytes/1m")
    assert len(answer) == 1 << 20
    assert bench.director.verdicts()["local"] > 20
    assert bench.director.status()["virtual_servers"][0]["counters"]["connections"] == 21
