"""Who may not, who must wait, and who answers when nobody can."""

from __future__ import annotations

from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.topology import WEBS
from shoal_lab.visitor import Visitor

QUICK = {"none": "1s", "syn_recv": "1s", "fin_wait": "1s", "time_wait": "1s", "close": "1s", "close_wait": "1s",
         "last_ack": "1s", "syn_sent": "1s", "synack": "1s"}


def test_the_sorry_server_serves_exactly_while_nobody_else_can(make_bench):
    service = Service(weights={"web-1": 1, "web-2": 1}, reentry_time="1s", options={"sorry_server": "10.11.12.3"})
    bench = make_bench(Settings(services=[service]))
    pool = bench.director.wait_for_pool
    with Visitor(bench.client) as visitor:
        assert set(visitor.count(12)) == {"web-1", "web-2"}
        bench.webs["web-1"].kill()
        pool("web-1", False, 5)
        assert set(visitor.count(12)) == {"web-2"}
        bench.webs["web-2"].kill()
        pool("web-2", False, 5)
        assert set(visitor.count(12)) == {"web-3"}
        bench.webs["web-1"].start()
        pool("web-1", True, 8)
        assert set(visitor.count(12)) == {"web-1"}
        service.weights["web-1"] = 0
        bench.director.apply(Settings(services=[service]))
        assert set(visitor.count(12)) == {"web-3"}


def test_thresholds_turn_new_connections_away_and_let_them_in_again(make_bench):
    bench = make_bench(Settings(timeouts=QUICK, services=[
        Service(scheduler="rr", server_options={"upper_threshold": 4, "lower_threshold": 2})]))
    with Visitor(bench.client) as visitor:
        assert visitor.hold(15, timeout=0.4) == {**{name: 4 for name in WEBS}, None: 3}
        visitor.release(2, "web-1")
        wait_for("two of web-1 are forgotten", lambda: load(bench, "web-1") == 2, 10)
        assert visitor.hold(1, timeout=0.4) == {None: 1}  # not yet fewer than the lower threshold
        visitor.release(1, "web-1")
        wait_for("a third one is, too", lambda: load(bench, "web-1") == 1, 10)
        assert visitor.hold(4, timeout=0.4) == {"web-1": 3, None: 1}
        assert all(answer for answers in visitor.ask().values() for answer in answers)


def load(bench, name: str) -> int:
    server = bench.director.server(name)
    return server["active_connections"] + server["inactive_connections"]


def test_access_lists_decide_who_may_open_connections(make_bench):
    def lists(**options: object) -> Settings:
        return Settings(services=[Service(options=options)])

    bench = make_bench(lists(allow=["198.51.100.0/24"], deny=["198.51.100.16/28"]))
    clients = bench.lab.add_clients("198.51.100.0/24", 16)
    inside, excepted = clients[0], clients[15]

    def may(visitor: Visitor) -> dict[str | None, bool]:
        return {source: visitor.get(source=source, timeout=0.5) is not None for source in (inside, excepted, None)}

    with Visitor(bench.client) as visitor:
        assert may(visitor) == {inside: True, excepted: False, None: False}
        assert bench.director.verdicts()["denied"] >= 2
        bench.director.apply(lists(deny=["198.51.100.16/28"]))
        assert may(visitor) == {inside: True, excepted: False, None: True}
        visitor.hold(3)
        bench.director.apply(lists(deny=["192.0.2.0/24"]))
        assert may(visitor) == {inside: True, excepted: True, None: False}
        assert all(answer for answers in visitor.ask().values() for answer in answers)  # those that are open stay
