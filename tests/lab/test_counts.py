"""The counts that scheduling rests on, and what happens when the table is full."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import LoadProcess
from shoal_lab.shell import BUILD, wait_for
from shoal_lab.topology import CLIENT, VIP

STORM = BUILD / "tests/lab/tools/connection_storm"
SHORT = {"syn_recv": "2s", "fin_wait": "2s", "time_wait": "2s", "close": "1s", "close_wait": "2s",
         "last_ack": "1s", "syn_sent": "2s", "synack": "2s"}


def counts_of_status(director) -> dict[tuple[str, bool], int]:
    counts: dict[tuple[str, bool], int] = {}
    for server in director.status()["virtual_servers"][0]["real_servers"]:
        counts[server["address"], True] = server["active_connections"]
        counts[server["address"], False] = server["inactive_connections"]
    return counts


def counts_of_table(director) -> Counter:
    return Counter((entry["real_address"], entry["active"]) for entry in director.connections())


def compare_at_rest(director) -> dict[tuple[str, bool], int]:
    """Connections expire between two readings: compared where the status is the same before and
    after the table was read."""
    def unchanged():
        before = counts_of_status(director)
        table = counts_of_table(director)
        return (before, table) if counts_of_status(director) == before else None
    status, table = wait_for("a moment in which nothing expires", unchanged, 60)
    assert status == {key: table.get(key, 0) for key in status}
    assert set(table) <= set(status)
    return status


def with_weights(timeouts: dict[str, str], weights: dict[str, int]) -> Settings:
    return Settings(table_size=1 << 18, timeouts=timeouts, services=[Service(weights=weights)])


def test_counts_at_rest_equal_the_table_after_100000_connections(make_bench):
    chance = random.Random(7)
    equal = {"web-1": 1, "web-2": 1, "web-3": 1}
    bench = make_bench(with_weights(SHORT, equal))
    for number in range(20, 41):
        bench.client.ip(f"addr add 192.0.2.{number}/24 dev eth0")
    # The address after the sources answers nobody: its connections stay half open.
    bench.client.ip("addr del 192.0.2.40/24 dev eth0")
    storm = bench.client.start(STORM, VIP, "80", "100000", "192.0.2.20", "20", stdout=subprocess.PIPE, text=True)
    while storm.poll() is None:
        bench.director.apply(with_weights(SHORT, {name: chance.randrange(0, 10) for name in equal}))
    ended = json.loads(storm.stdout.read())
    assert ended["completed"] + ended["half_open"] == 100_000 and ended["failed"] == 0, ended
    bench.director.apply(with_weights(SHORT, equal))

    wait_for("only silent connections are left", lambda: all(
        count == 0 for (_, active), count in counts_of_status(bench.director).items() if not active), 30, 0.2)
    assert sum(compare_at_rest(bench.director).values()) > 3000

    bench.director.apply(with_weights({**SHORT, "established": "1s"}, equal))
    wait_for("the table is empty", lambda: bench.director.status()["table"]["used"] == 0, 30, 0.2)
    assert set(counts_of_status(bench.director).values()) == {0}
    assert bench.director.connections() == []


# Real servers that stand behind two virtual servers: their answers alone do not say of which.
TWINS = [Service(), Service(name="twin", port=8080, server_options={"port": 80})]


@pytest.mark.parametrize(("services", "verdict"), [([Service()], "stateless"), (TWINS, "table_full")],
                         ids=["serves_without_records", "turns_away"])
def test_a_full_table_keeps_the_old_connections(make_bench, services, verdict):
    bench = make_bench(Settings(table_size=1024, services=services))
    load = LoadProcess(bench.client, VIP, keep_alive=20, pause=0.02, seconds=120)
    load.wait_for_requests(100)
    filler = LoadProcess(bench.client, VIP, keep_alive=1100, pause=1, timeout=3, seconds=120)
    bench.director.wait_for_verdict(verdict, timeout=30)
    load.wait_for_requests(load.now["requests"] + 500)
    result = load.stop()
    filler.stop()
    assert (result["failed"], result["broken"]) == (0, 0), result["failures"][:3]
    compare_at_rest(bench.director)


MANY = 300_000
# Datagrams of MANY clients, 50,000 ports of each address, written by hand.
DATAGRAMS = """
import socket, struct, sys
target, count = socket.inet_aton(sys.argv[1]), int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    for number in range(count):
        source = 0x0a630000 + number // 50000  # 10.99.0.0
        packet = struct.pack("!BBHHHBBHI4sHHHH4s", 0x45, 0, 32, 0, 0, 64, 17, 0, source, target,
                             1024 + number % 50000, 5300, 12, 0, b"ping")
        raw.sendto(packet, (sys.argv[1], 0))
"""


def test_listing_many_connections_holds_up_neither_checks_nor_commands(make_bench):
    many = Service(name="many", protocol="udp", port=5300, scheduler="rr", monitor={"type": "none"})
    bench = make_bench(Settings(table_size=1 << 19, services=[Service(), many]))
    director = bench.director
    director.node.ip(f"route add 10.99.0.0/16 via {CLIENT}")
    bench.client.run(sys.executable, "-c", DATAGRAMS, VIP, str(MANY), timeout=120)
    place = bench.lab.directory / "connections.json"
    with place.open("w") as file:
        listing = subprocess.Popen(director.command("connections", "--json"), stdout=file)
    killed = time.monotonic()
    bench.webs["web-2"].kill()
    answers, out = 0, None
    while listing.poll() is None:
        if not director.server("web-2")["in_pool"] and out is None:
            out = time.monotonic()
        answers += listing.poll() is None
    assert listing.wait() == 0 and answers >= 2, answers
    out = out or director.wait_for_pool("web-2", False, 5)["seen"]
    assert out - killed < 3, "twice what it takes without a listing"
    listed = json.loads(place.read_text())["connections"]
    # A datagram may be lost on its way to the director.
    assert 0.99 * MANY <= len(listed) <= MANY + 100 and len({
        (entry["client"], entry["client_port"]) for entry in listed}) == len(listed)
    load = {server["address"]: server["inactive_connections"] for server in next(
        service for service in director.status()["virtual_servers"] if service["name"] == "many")["real_servers"]}
    assert sum(load.values()) >= 0.99 * MANY and max(load.values()) - min(load.values()) <= 1, load
