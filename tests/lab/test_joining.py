"""Real servers that join, leave and fall ill while clients are connected."""

from __future__ import annotations

import subprocess

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.topology import VIP, WEBS
from shoal_lab.visitor import Visitor

ALIVE = {"send": "GET /alive HTTP/1.0\\r\\n\\r\\n", "expect": "HTTP/1.1 200", "interval": "200ms", "timeout": "150ms"}


@pytest.mark.parametrize("quiesce", [False, True])
def test_a_server_that_comes_back_is_flooded_unless_quiesced(make_bench, quiesce):
    """Two servers hold 40 connections each when the third comes back: it has none, so that least
    connection gives it everything new, and with quiesce_server its third."""
    bench = make_bench(Settings(services=[Service(reentry_time="1s", options={"quiesce_server": quiesce})]))
    bench.webs["web-3"].kill()
    bench.director.wait_for_pool("web-3", False, 5)
    with Visitor(bench.client) as visitor:
        assert visitor.hold(80) == {"web-1": 40, "web-2": 40}
        bench.webs["web-3"].start()
        bench.director.wait_for_pool("web-3", True, 8)
        new = visitor.count(60)
        print(f"of 60 new connections: {dict(new)}")
        if quiesce:
            assert all(18 <= new[name] <= 22 for name in WEBS), new
        else:
            assert new["web-3"] >= 58, new
        # Scheduling forgot them, the counts did not.
        assert [bench.director.server(name)["active_connections"] for name in ("web-1", "web-2")] == [40, 40]
        # Whoever ends a connection of before is not taken for less busy because of it.
        visitor.release(30, "web-1")
        more = visitor.count(30)
        assert more["web-3"] > 25 if not quiesce else all(7 <= more[name] <= 13 for name in WEBS), more
        assert all(answer for answers in visitor.ask().values() for answer in answers)


def test_connections_of_a_removed_server_end_or_stay(make_bench):
    def pool(names: tuple[str, ...], connections: str) -> Settings:
        return Settings(services=[Service(scheduler="rr", weights={name: 1 for name in names},
                                          options={"removed_connections": connections})])

    bench = make_bench(pool(WEBS, "end"))
    director = bench.director
    with Visitor(bench.client) as visitor:
        assert visitor.hold(9) == {name: 3 for name in WEBS}
        director.apply(pool(WEBS[1:], "end"))
        assert visitor.ask() == {"web-1": [False] * 3, "web-2": [True] * 3, "web-3": [True] * 3}
        visitor.release()
        director.apply(pool(WEBS, "keep"))
        director.wait_until_serving()
        assert visitor.hold(9) == {name: 3 for name in WEBS}
        director.apply(pool(WEBS[1:], "keep"))
        assert set(visitor.count(10)) == {"web-2", "web-3"}
        assert all(all(answers) for answers in visitor.ask().values())
        director.apply(pool(WEBS, "keep"))
        director.wait_until_serving()
        assert all(all(answers) for answers in visitor.ask().values())


def ill(on_failure: str) -> Settings:
    return Settings(services=[Service(scheduler="rr", monitor=ALIVE, reentry_time="1s",
                                      options={"on_failure": on_failure})])


def test_a_failed_server_is_removed_or_drained(make_bench):
    bench = make_bench(ill("drain"))
    running = [bench.client.start("curl", "-sS", "--max-time", "30", "-o", "/dev/null", "-w", "%{size_download}",
                                  f"http://{VIP}/slow/1m", stdout=subprocess.PIPE, text=True) for _ in range(6)]
    wait_for("each server sends two files", lambda: [
        bench.director.server(name)["active_connections"] for name in WEBS] == [2, 2, 2], 10)
    with Visitor(bench.client) as visitor:
        bench.webs["web-1"].well(False)
        wait_for("web-1 is drained", lambda: bench.director.server("web-1")["weight_in_force"] == 0, 5)
        assert set(visitor.count(12)) == {"web-2", "web-3"}
        assert all(process.poll() is None for process in running), "the files are too small for this test"
        for process in running:
            assert process.communicate(timeout=30)[0] == str(1 << 20) and process.returncode == 0

        bench.webs["web-1"].well(True)
        wait_for("web-1 serves again", lambda: bench.director.server("web-1")["weight_in_force"] == 1, 8)
        bench.director.apply(ill("remove"))
        assert visitor.hold(6) == {name: 2 for name in WEBS}
        bench.webs["web-1"].well(False)
        bench.director.wait_for_pool("web-1", False, 5)
        assert visitor.ask() == {"web-1": [False] * 2, "web-2": [True] * 2, "web-3": [True] * 2}
