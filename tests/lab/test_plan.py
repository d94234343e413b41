"""`shoal plan` says beforehand what `shoal apply` then does."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.topology import CLIENT, WEBS, Lab
from shoal_lab.visitor import Visitor

# What the plan may be wrong by, in percent of all new connections or clients.
POINTS = 3
MANY_CLIENTS = ipaddress.ip_network("10.50.0.0/21")
EVEN = {"web-1": 1, "web-2": 1, "web-3": 1}
UNEVEN = {"web-1": 1, "web-2": 3, "web-3": 1}


def settings(scheduler: str, weights: dict[str, int]) -> Settings:
    """Connections that are closed are soon forgotten."""
    return Settings(timeouts={state: "500ms" for state in ("fin_wait", "time_wait", "close", "close_wait", "last_ack")},
                    services=[Service(scheduler=scheduler, weights=weights)])


def plan_of(bench, wanted: Settings) -> dict:
    return json.loads(bench.director.shoal("plan", bench.director.write(wanted), "--json"))


def add_many_clients(lab: Lab) -> list[str]:
    """Addresses that the client has besides."""
    lab.client.ip(f"route add local {MANY_CLIENTS} dev lo")
    lab.director.ip(f"route add {MANY_CLIENTS} via {CLIENT}")
    return [str(MANY_CLIENTS[number]) for number in range(1, 2001)]


def connections_of(server: dict) -> int:
    return server["active_connections"] + server["inactive_connections"]


def is_quiet(bench) -> bool:
    return all(connections_of(bench.director.server(name)) == 0 for name in WEBS)


def hold_and_release(bench, visitor: Visitor, count: int) -> Counter:
    """Who got how many of connections that were open at once."""
    held = visitor.hold(count)
    visitor.release()
    wait_for("the director has forgotten them", lambda: is_quiet(bench), 30)
    return held


@pytest.mark.parametrize("scheduler", ["wrr", "wlc"])
def test_the_part_of_new_connections_that_moves_is_what_the_plan_said(make_bench, scheduler):
    bench = make_bench(settings(scheduler, EVEN))
    with Visitor(bench.client) as visitor:
        before = hold_and_release(bench, visitor, 100)
        said = plan_of(bench, settings(scheduler, UNEVEN))["changes"][0]["moved"] * 100
        bench.director.apply(settings(scheduler, UNEVEN))
        after = hold_and_release(bench, visitor, 100)
    assert before.total() == after.total() == 100 and None not in before | after
    moved = sum(abs(after[name] - before[name]) for name in WEBS) / 2
    print(f"{scheduler}: {before} became {after}, {moved} % moved; the plan said {said:.1f} %")
    assert abs(moved - said) <= POINTS


@pytest.mark.parametrize("scheduler", ["sh", "mh"])
def test_the_part_of_the_clients_that_moves_is_what_the_plan_said(make_bench, scheduler):
    bench = make_bench(settings(scheduler, EVEN))
    clients = add_many_clients(bench.lab)
    with Visitor(bench.client) as visitor:
        before = visitor.who(clients)
        said = plan_of(bench, settings(scheduler, UNEVEN))["changes"][0]["moved"] * 100
        bench.director.apply(settings(scheduler, UNEVEN))
        after = visitor.who(clients)
    assert None not in before and None not in after
    moved = 100 * sum(one != other for one, other in zip(before, after)) / len(clients)
    print(f"{scheduler}: {moved:.1f} % moved; the plan said {said:.1f} %")
    assert moved > 10 and abs(moved - said) <= POINTS


def test_a_removal_ends_the_connections_that_the_plan_counted(make_bench):
    bench = make_bench(settings("rr", EVEN))
    two = settings("rr", {"web-1": 1, "web-2": 1})
    with Visitor(bench.client) as visitor:
        assert visitor.hold(12) == Counter({name: 4 for name in WEBS})
        plan = plan_of(bench, two)
        (change,) = plan["changes"]
        assert change["kind"] == "removed" and change["path"][-1] == {"key": "real_server", "name": "web-3"}
        assert change["effect"].startswith("its 4 connections end; about 33 % of new connections move")
        assert (plan["ended_connections"], plan["severity"]) == (4, "ends connections")
        assert connections_of(bench.director.server("web-3")) == 4, "a plan changes nothing"
        bench.director.apply(two)
        answers = visitor.ask()
    assert answers == {"web-1": [True] * 4, "web-2": [True] * 4, "web-3": [False] * 4}


def test_a_plan_is_for_reading(make_bench):
    bench = make_bench(settings("wlc", EVEN))
    director = bench.director
    assert director.shoal("plan", director.write(settings("wlc", EVEN))) == "no change\n"
    lines = director.shoal("plan", director.write(settings("wlc", UNEVEN))).splitlines()
    assert lines == ['virtual_server "web"', "  weight of web-2: 1 -> 3",
                     "      about 27 % of new connections move; established connections stay",
                     "1 change: established connections stay"]
    bad = director.write(settings("wlc", EVEN))
    bad.write_text(bad.read_text() + "weigth = 5\n")
    assert director.shoal("plan", bad, "--json", check=False).count("unknown setting") == 1
