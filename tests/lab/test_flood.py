"""A flood of SYNs from random addresses: connections go on, new clients get in, memory stays.
`./run bench flood` measures the same for longer.

SHOAL_FLOOD_SECONDS sets how long it lasts at least; the figures are printed as a line of JSON.
"""

from __future__ import annotations

import json
import os
import time

import pytest

from shoal_lab import flood
from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.visitor import Visitor

SECONDS = int(os.environ.get("SHOAL_FLOOD_SECONDS", "8"))
SERVICE_TIMEOUT = 5  # less than SECONDS, so that a real server whose checks go astray is found down
CELLS = 1 << 12  # full within a second


@pytest.mark.parametrize("method", ["nat", "direct"])
def test_a_flood_harms_nobody(make_bench, method):
    bench = make_bench(Settings(table_size=CELLS, services=[Service(service_timeout=f"{SERVICE_TIMEOUT}s")]), method=method)
    flood.prepare(bench.lab)
    memory = bench.director.status()["table"]["memory_bytes"]
    times: list[float] = []
    with Visitor(bench.client) as visitor:
        assert None not in visitor.hold(50, timeout=20)
        # The clients of this machine are to have their turn on its CPUs too.
        generator = flood.start(bench.lab, SECONDS + 120, "nice", "-n", "19")
        wait_for("the flood fills the table", lambda: bench.director.status()["table"]["used"] > CELLS // 2, 30)
        rounds, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end or rounds < 3:
            assert generator.poll() is None
            begun = time.monotonic()
            assert visitor.get(timeout=60) is not None, "a new client"
            times.append(time.monotonic() - begun)
            answers = visitor.ask()
            assert sum(map(len, answers.values())) == 50
            assert all(alive for each in answers.values() for alive in each), "an established connection is lost"
            assert all(bench.director.server(name)["in_pool"] for name in bench.webs), "a check failed"
            rounds += 1
        generator.terminate()
        flooded = json.loads(generator.communicate(timeout=30)[0])
        assert visitor.get(timeout=20) is not None
        assert all(alive for each in visitor.ask().values() for alive in each)
    after = bench.director.status()["table"]
    assert after["memory_bytes"] == memory
    verdicts = bench.director.verdicts()
    assert verdicts["new_connection"] + verdicts["stateless"] > CELLS
    assert verdicts["internal"] == 0
    assert verdicts["no_route"] == 0
    figures = {"method": method, "flood": flooded, "rounds": rounds, "connections_lost": 0,
               "new_clients": len(times), "slowest_seconds": round(max(times), 3),
               "median_seconds": round(sorted(times)[len(times) // 2], 4), "memory_bytes": memory,
               "verdicts": {name: verdicts[name] for name in
                            ("new_connection", "stateless", "stateless_reply", "table_full")}}
    print("flood: " + json.dumps(figures))
