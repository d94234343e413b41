"""Weights and membership change two hundred times under load, and nobody notices."""

from __future__ import annotations

import random
import time

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.topology import VIP
from shoal_lab.wrk import Wrk

CHANGES = 200


def next_pool(chance: random.Random) -> dict[str, int]:
    """web-1 always serves, so that somebody can."""
    pool = {"web-1": chance.randrange(1, 10)}
    pool.update({name: chance.randrange(0, 10) for name in ("web-2", "web-3") if chance.random() < 0.7})
    return pool


@pytest.mark.parametrize("scheduler, flags", [
    ("wlc", []), ("rr", []), ("sh", ["sh-port", "sh-fallback"]), ("mh", ["mh-port", "mh-fallback"])])
def test_no_request_fails_while_the_pool_changes(make_bench, scheduler, flags):
    options = {"removed_connections": "keep", **({"scheduler_flags": flags} if flags else {})}

    def settings(weights: dict[str, int]) -> Settings:
        return Settings(table_size=1 << 19, services=[Service(scheduler=scheduler, weights=weights, options=options)])

    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    bench = make_bench(settings({"web-1": 1, "web-2": 1, "web-3": 1}))
    wrk = Wrk(bench.client, VIP, seconds=120, connections=16, new_connections=True)
    wait_for("wrk is at work", lambda: connections(bench) > 100, 10)
    begin, first = time.monotonic(), connections(bench)
    for _ in range(CHANGES):
        bench.director.apply(settings(next_pool(chance)))
    seen = connections(bench)
    wait_for("it goes on", lambda: connections(bench) > seen + 100, 10)
    wait_for("the estimated rate is near the real one", lambda: is_near(
        service(bench)["rates"]["connections"], (connections(bench) - first) / (time.monotonic() - begin)), 20)
    rates = service(bench)["rates"]
    report = wrk.stop()
    assert report.errors == 0 and report.requests > 1000, report
    assert rates["packets_in"] > 3 * rates["connections"] and rates["bytes_in"] > 40 * rates["packets_in"], rates
    verdicts = bench.director.verdicts()
    assert {name: verdicts[name] for name in ("no_server", "server_gone", "table_full", "internal")} \
        == {"no_server": 0, "server_gone": 0, "table_full": 0, "internal": 0}


def is_near(estimate: float, rate: float) -> bool:
    return 0.3 * rate < estimate < 3 * rate


def service(bench) -> dict:
    return bench.director.status()["virtual_servers"][0]


def connections(bench) -> int:
    return service(bench)["counters"]["connections"]
