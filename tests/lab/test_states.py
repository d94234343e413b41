"""What administrators order of real servers, quorums, and servers that start slowly."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import LoadProcess, sequential
from shoal_lab.shell import CommandFailed, wait_for
from shoal_lab.topology import VIP, WEBS

SIZE = 1024 * 1024


def states(bench) -> dict[str, str]:
    return {name: bench.director.server(name)["state"] for name in WEBS}


def wait_for_state(bench, name: str, state: str, timeout: float = 15) -> None:
    wait_for(f"{name} is {state}", lambda: bench.director.server(name)["state"] == state, timeout)


def web(bench) -> dict:
    return bench.director.status()["virtual_servers"][0]


def server_with_a_connection(bench) -> str:
    def busy() -> str | None:
        return next((name for name in WEBS if bench.director.server(name)["active_connections"] == 1), None)
    return wait_for("somebody has the connection", busy, 10)


def test_a_drained_server_ends_its_transfer_while_new_connections_go_elsewhere(bench):
    target = bench.lab.directory / "transfer"
    transfer = bench.client.start("curl", "-sS", "-o", target, f"http://{VIP}/slow/1m")
    name = server_with_a_connection(bench)
    # It cannot end before all is seen.
    transfer.send_signal(signal.SIGSTOP)
    bench.director.shoal("drain", f"web/{name}")
    drained = bench.director.server(name)
    assert (drained["state"], drained["weight_in_force"], drained["active_connections"]) == ("draining", 0, 1)
    served = sequential(bench.client, VIP, 12)
    assert name not in served and sum(served.values()) == 12
    assert "draining: 1 connection left" in bench.director.shoal("status")
    transfer.send_signal(signal.SIGCONT)
    assert transfer.wait(60) == 0
    assert target.stat().st_size == SIZE
    bench.director.shoal("enable", f"web/{name}")
    assert name in sequential(bench.client, VIP, 12)


def test_states_survive_kill_9(bench):
    director = bench.director
    director.shoal("drain", "web/web-1")
    director.shoal("maintain", "web", "web-2", "--for", "1h")
    director.shoal("disable", "web/web-3")
    ordered = {"web-1": "draining", "web-2": "maintenance", "web-3": "disabled"}
    assert states(bench) == ordered
    until = director.server("web-2")["until_ms"]
    for _ in range(3):
        director.restart()
        assert states(bench) == ordered
        assert director.server("web-2")["until_ms"] == until
    director.shoal("enable", "web/web-3")
    director.wait_for_pool("web-3", True, 10)
    assert sequential(bench.client, VIP, 6) == {"web-3": 6}


def test_states_survive_the_machine(bench):
    """What lies under /run is gone when it boots again."""
    director = bench.director
    director.shoal("drain", "web/web-1")
    kept, until_boot = bench.lab.directory / "state", bench.lab.directory / "run"
    assert (kept / "states.json").exists() and kept.stat().st_mode & 0o777 == 0o700
    assert (until_boot / "kernel.json").exists()
    director.kill()
    shutil.rmtree(until_boot)
    director.start()
    assert states(bench) == {"web-1": "draining", "web-2": "enabled", "web-3": "enabled"}


def test_an_order_for_a_time_ends_also_across_a_restart(bench):
    bench.director.shoal("disable", "web/web-3", "--for", "3s")
    bench.director.restart()
    wait_for_state(bench, "web-3", "enabled")
    bench.director.wait_for_pool("web-3", True, 10)
    assert any("state_changed: web-3 of web: enabled, was disabled" in line for line in bench.director.events())


def test_disabling_ends_connections(bench):
    load = LoadProcess(bench.client, VIP, keep_alive=6, pause=0.02, seconds=60)
    wait_for("all connections are there", lambda: load.now["connections"] == 6, 20)
    connected = bench.director.server("web-2")["active_connections"]
    assert connected == 2
    bench.director.shoal("disable", "web/web-2")
    assert not bench.director.server("web-2")["in_pool"]
    wait_for("its connections ended", lambda: load.now["broken"] == connected, 20)
    served = load.now["servers"]["web-2"]
    load.wait_for_requests(load.now["requests"] + 60)
    result = load.stop()
    assert result["broken"] == connected and result["servers"]["web-2"] <= served + 2
    assert bench.director.server("web-2")["health"] == "unknown"


def test_failures_in_maintenance_are_told_when_it_is_over(bench):
    def told() -> bool:
        return any("real_server_down: web-2" in line for line in bench.director.events())
    bench.director.shoal("maintain", "web/web-2")
    bench.webs["web-2"].kill()
    bench.director.wait_for_pool("web-2", False, 10)
    assert not told()
    bench.director.shoal("enable", "web/web-2")
    wait_for("it is told", told, 10)


def test_orders_about_nobody_say_who_there_is(bench):
    with pytest.raises(CommandFailed, match='"web-1", "web-2", "web-3"'):
        bench.director.shoal("drain", "web/web-4")


def test_health_says_what_the_last_checks_saw(bench):
    bench.webs["web-2"].kill()
    bench.director.wait_for_pool("web-2", False, 10)
    bench.director.shoal("disable", "web/web-3")
    targets = json.loads(bench.director.shoal("health", "web", "--json"))["targets"]
    well, down, disabled = targets
    assert well["health"] == "up" and well["heard"].startswith("HTTP/1.1 200 OK\\r\\n") and well["latency_us"] > 0
    assert down["health"] == "down" and down["reason"] == "connection refused"
    assert disabled["state"] == "disabled" and disabled["checks"] == 0
    text = bench.director.shoal("health")
    assert 'well; it said "HTTP/1.1 200 OK' in text and "connection refused" in text
    assert "not checked while it is disabled" in text


def test_below_its_quorum_the_sorry_server_serves_alone(make_bench):
    bench = make_bench(Settings(services=[Service(
        weights={"web-1": 1, "web-2": 1}, reentry_time="1s",
        options={"sorry_server": "10.11.12.3", "quorum": 2})]))
    assert set(sequential(bench.client, VIP, 6)) == {"web-1", "web-2"}
    bench.webs["web-1"].kill()
    wait_for("the quorum is lost", lambda: web(bench)["quorum_lost"], 10)
    assert sequential(bench.client, VIP, 6) == {"web-3": 6}
    assert "quorum lost: it is 2, and 1 of 2 real servers can take" in bench.director.shoal("status")
    # shoald remembers by what it finds.
    bench.director.restart()
    assert sequential(bench.client, VIP, 6) == {"web-3": 6}
    bench.webs["web-1"].start()
    wait_for("the quorum is regained", lambda: not web(bench)["quorum_lost"], 10)
    assert set(sequential(bench.client, VIP, 6)) == {"web-1", "web-2"}
    told = [line for line in bench.director.events() if "quorum_" in line]
    assert "quorum_lost: web: 1 of 2 real servers are usable" in told[0]
    assert "quorum_regained: web: 2 of 2 real servers are usable" in told[-1]


def test_a_server_that_comes_back_starts_slowly(make_bench):
    def settings(time: str) -> Settings:
        return Settings(services=[Service(weights={"web-1": 1, "web-2": 1}, scheduler="wrr", reentry_time="0s",
                                          options={"slow_start": time})])
    bench = make_bench(settings("10m"))
    even = sequential(bench.client, VIP, 20)
    assert even == {"web-1": 10, "web-2": 10}, "at the start of shoald nobody starts slowly"
    bench.webs["web-2"].kill()
    bench.director.wait_for_pool("web-2", False, 10)
    bench.webs["web-2"].start()
    bench.director.wait_for_pool("web-2", True, 10)
    served = sequential(bench.client, VIP, 300)
    assert 0 < served.get("web-2", 0) * 3 < served["web-1"]
    bench.director.apply(settings("2s"))
    bench.webs["web-1"].kill()
    bench.director.wait_for_pool("web-1", False, 10)
    bench.webs["web-1"].start()
    wait_for("it has its weight", lambda: bench.director.server("web-1")["weight_in_force"] == 100, 20)
