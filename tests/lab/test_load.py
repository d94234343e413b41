"""Load monitoring: the weights in force follow what the real servers say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.loads import AGENT_PORT, HTTP_PORT, LoadServer, start_rstatd, start_rwhod, stop_daemon
from shoal_lab.shell import wait_for
from shoal_lab.topology import WEBS

# In a virtual server with a load monitor a weight of 1 is 100 in the data plane.
FULL = 100
# Enough for a machine that is busy with other things; what is awaited comes within some seconds.
PATIENCE = 120


def monitored(tool: str, **settings: object) -> Settings:
    monitor = {"tool": tool, "interval": "1s", **settings}
    return Settings(services=[Service(options={"load_monitor": monitor})])


def weights(bench) -> dict[str, int]:
    return {name: bench.director.server(name)["weight_in_force"] for name in WEBS}


def wait_for_load(bench, name: str, expected: float) -> None:
    wait_for(f"load {expected} of {name}", lambda: bench.director.server(name)["load"] == expected, PATIENCE)


def load_average() -> float:
    return float(Path("/proc/loadavg").read_text().split()[0])


@pytest.fixture
def start(make_bench):
    """start(settings, text): a director, and real servers that say `text` of their loads."""
    def begin(settings: Settings, text: str):
        bench = make_bench()
        servers = {node.name: LoadServer(bench.lab, node, text) for node in bench.lab.webs}
        bench.director.apply(settings)
        return bench, servers
    return begin


def test_weights_follow_loads_that_are_read_by_http(start):
    bench, servers = start(monitored("http", port=HTTP_PORT, path="/metrics", value="node_load1"),
                           "# TYPE node_load1 gauge\nnode_load1 1\n")
    for name in WEBS:
        wait_for_load(bench, name, 1)
    assert weights(bench) == {name: FULL for name in WEBS}
    servers["web-1"].say("node_load1 4\n")
    servers["web-2"].say("node_load1 0\n")
    wait_for("web-1 gets less", lambda: weights(bench)["web-1"] < FULL * 3 / 4, PATIENCE)
    wait_for("web-2 gets more", lambda: weights(bench)["web-2"] > FULL * 5 / 4, PATIENCE)
    assert weights(bench)["web-3"] == FULL
    assert bench.director.server("web-1")["weight_factor"] < 800
    assert "4.00" in bench.director.shoal("status")


def test_a_load_that_is_lost_is_reported_and_the_weight_returns(start):
    bench, servers = start(monitored("http", port=HTTP_PORT, value="/load/0"), '{"load": [4]}')
    wait_for("web-1 gets less", lambda: weights(bench)["web-1"] < FULL * 9 / 10, PATIENCE)
    for server in servers.values():
        server.stop()
    wait_for("web-1 gets its weight back", lambda: weights(bench)["web-1"] == FULL, PATIENCE)
    server = bench.director.server("web-1")
    assert server["load_problem"] == "connection refused"
    assert server["weight_factor"] == 1000
    assert any("web-1" in problem and "load" in problem for problem in bench.director.status()["problems"])
    assert any("load_lost" in event for event in bench.director.events())
    for name in WEBS:
        assert bench.director.server(name)["in_pool"]


def test_absurd_loads_are_reported_and_change_nothing(start):
    bench, servers = start(monitored("http", port=HTTP_PORT), "-1\n")
    wait_for("the problem", lambda: bench.director.server("web-1")["load_problem"] == "-1 cannot be a load", PATIENCE)
    assert weights(bench) == {name: FULL for name in WEBS}


def test_an_agent_is_followed_at_once(start):
    bench, servers = start(monitored("agent", port=AGENT_PORT), "100%\n")
    servers["web-1"].say("50%\n")
    servers["web-2"].say("up 150% # idle\n")
    wait_for("the weights", lambda: weights(bench) == {"web-1": 50, "web-2": 150, "web-3": 100}, PATIENCE)


def test_an_agent_takes_its_server_out_and_brings_it_back(start):
    bench, servers = start(monitored("agent", port=AGENT_PORT), "ready up 100%\n")
    wait_for("the weights", lambda: weights(bench) == {name: FULL for name in WEBS}, PATIENCE)
    servers["web-1"].say("drain\n")
    servers["web-2"].say("maint\n")
    servers["web-3"].say("down # no disk\n")
    bench.director.wait_for_pool("web-3", False, PATIENCE)
    wait_for("the others are drained", lambda: set(weights(bench).values()) == {0}, PATIENCE)
    assert bench.director.server("web-1")["in_pool"] and bench.director.server("web-2")["in_pool"]
    for server in servers.values():
        server.say("ready up\n")
    wait_for("all are back", lambda: weights(bench) == {name: FULL for name in WEBS}, PATIENCE)


def test_rstatd_is_asked_for_the_load_of_its_machine(make_bench):
    bench = make_bench()
    for node in bench.lab.webs:
        start_rstatd(node)
    bench.director.apply(monitored("rup", normal_load=1))
    wait_for("the loads of this machine", lambda: all(is_like(bench.director.server(name)["load"]) for name in WEBS),
             PATIENCE)
    stop_daemon(bench.lab.webs[0], "rpc.rstatd")
    wait_for("it is reported", lambda: "did not answer" in bench.director.server("web-1")["load_problem"], PATIENCE)
    wait_for("the weight returns", lambda: weights(bench)["web-1"] == FULL, PATIENCE)
    assert bench.director.server("web-2")["load_problem"] == ""


def is_like(load: float | None) -> bool:
    """The load average of this machine, give or take what changed since."""
    return load is not None and abs(load - load_average()) <= 0.3 + load / 10


def test_rwhod_is_listened_to(make_bench):
    bench = make_bench()
    bench.director.apply(monitored("ruptime"))
    for node in bench.lab.webs:
        # rwhod sends by devices that have a broadcast address, which only a new address can get.
        address = f"{bench.lab.web_address(node.name)}/24"
        node.ip(f"addr del {address} dev eth0")
        node.ip(f"addr add {address} brd + dev eth0")
        before = load_average()
        start_rwhod(node)
        load = wait_for(f"the load of {node.name}", lambda: bench.director.server(node.name)["load"], PATIENCE)
        assert min(before, load_average()) * 0.8 - 0.5 <= load <= max(before, load_average()) * 1.2 + 0.5
        assert bench.director.server(node.name)["load_problem"] == ""


def test_nobody_listens_where_no_rwhod_is_asked_for(make_bench):
    bench = make_bench()
    assert bench.director.node.run("ss", "-Huln", "sport = 513") == ""
    bench.director.apply(monitored("ruptime"))
    assert bench.director.node.run("ss", "-Huln", "sport = 513").count("\n") == 1
