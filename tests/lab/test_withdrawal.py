"""Killing, restarting and stopping shoald; what others change under it."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import LoadProcess, sequential
from shoal_lab.shell import end, wait_for
from shoal_lab.topology import SECOND_VIP, VIP


@pytest.mark.parametrize("method", ["nat", "direct"])
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_stop_leaves_nothing_behind(make_bench, method, hook):
    bench = make_bench(Settings(hook=hook), method=method, xdp=hook == "xdp")
    sequential(bench.client, VIP, 6)
    bench.director.stop()


def test_stop_puts_back_what_other_people_had(make_bench):
    """An address and a queueing discipline that were there before stay."""
    bench = make_bench()
    bench.director.stop()
    node = bench.director.node
    node.ip("addr add 192.0.2.90/24 dev wan0")
    node.run("tc", "qdisc", "add", "dev", "wan0", "clsact")
    bench.director.before = bench.director.traces()
    bench.director.start()
    bench.director.stop()


def test_what_a_dead_shoald_left_can_be_taken_down(bench):
    bench.director.kill()
    assert sum(sequential(bench.client, VIP, 6).values()) == 6
    bench.director.withdraw()


def test_sigterm_leaves_the_data_plane_at_work(bench):
    bench.director.end()
    assert sum(sequential(bench.client, VIP, 30).values()) == 30
    bench.director.start()
    assert bench.director.status()["adopted"] is True
    bench.director.stop()


def test_kill_at_20_random_points_costs_no_request_and_no_connection(bench):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    director = bench.director
    load = LoadProcess(bench.client, VIP, new=4, keep_alive=8, pause=0.002, seconds=300)
    load.wait_for_requests(200)
    for point in range(20):
        phase = ("start", "apply", "sweep")[point % 3]
        before = load.now["requests"]
        kill_in(phase, director, chance)
        load.wait_for_requests(before + 100)
        director.start()
    result = load.stop()
    assert result["requests"] > 2000
    assert (result["failed"], result["broken"]) == (0, 0), result["failures"][:5]
    assert director.status()["adopted"] is True
    director.stop()


def kill_in(phase: str, director, chance: random.Random) -> None:
    """Kills shoald while it starts, while it applies a change, or at any moment of its rounds."""
    if phase == "start":
        director.kill()
        director.spawn()
        time.sleep(chance.uniform(0, 0.3))
    elif phase == "apply":
        weights = {name: chance.randrange(1, 10) for name in ("web-1", "web-2", "web-3")}
        services = [Service(weights=weights, scheduler=chance.choice(["wlc", "wrr", "rr"]))]
        if chance.random() < 0.5:
            services.append(Service(name="shop", address=SECOND_VIP, label="wan0:2"))
        file = director.write(Settings(services=services))
        apply = subprocess.Popen(director.command("apply", file), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.1))
        director.kill()
        end(apply)
        return
    else:
        time.sleep(chance.uniform(0, 0.3))
    director.kill()


def test_what_others_remove_comes_back(bench):
    node = bench.director.node
    node.ip(f"addr del {VIP}/24 dev wan0")
    wait_for("the address is back", lambda: f"{VIP}/24" in node.addresses("wan0"), 15)
    wait_for("it is said", lambda: len([line for line in bench.director.events() if f"address_added: {VIP}" in line]) == 2)
    before = node.run("tc", "filter", "show", "dev", "wan0", "ingress")
    assert before
    node.run("tc", "filter", "del", "dev", "wan0", "ingress")
    wait_for("the filter is back", lambda: node.run("tc", "filter", "show", "dev", "wan0", "ingress"), 15)
    wait_for("both are said", lambda: len([line for line in bench.director.events() if "drift_repaired" in line]) == 2)
    assert sum(sequential(bench.client, VIP, 6).values()) == 6


def test_a_client_learns_the_address_from_the_announcement(make_bench):
    """Gratuitous ARP: a neighbour entry that points elsewhere is put right without a question."""
    bench = make_bench()
    bench.director.stop()
    client = bench.client
    client.sysctl("net/ipv4/neigh/eth0/locktime", 0)
    client.ip(f"neigh replace {VIP} lladdr 02:00:00:00:00:99 dev eth0 nud stale")
    bench.director.start()
    wait_for("the client's entry is right", lambda: mac(bench) in client.ip(f"neigh show {VIP}"), 10)


def mac(bench) -> str:
    words = bench.director.node.ip("-o link show dev wan0").split()
    return words[words.index("link/ether") + 1]
